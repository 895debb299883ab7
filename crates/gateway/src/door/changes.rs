//! Whether a list is another one for a caller than it was.

use mcp_protocol::list_kind::ListKind;
use mcp_server::context::Context;
use sha2::{Digest as _, Sha256};

use super::{Door, lists::LISTED_NOW_MS};
use crate::memory::KnownList;

/// A digest of a list as one caller sees it.
pub(crate) type Digest = [u8; 32];

impl Door {
    /// The list of an upstream as a caller sees it now. `anew`: the upstream is asked, whatever is known. None: it does not
    /// say, or the caller may not use it.
    pub(crate) async fn digest(
        &self,
        ctx: &Context,
        upstream: &str,
        kind: ListKind,
        anew: bool,
    ) -> Option<Digest> {
        let upstream = self.find(ctx, upstream)?;
        let list = match anew {
            true => self.fetch(ctx, upstream, kind).await,
            false => self.known(ctx, upstream, kind, KnownList::is_fresh).await,
        };
        let list = list.ok()?;
        Some(self.digest_of(ctx, kind, &list))
    }

    /// The list as a caller saw it last, where that was asked for more than a moment ago.
    pub(crate) fn known_digest(
        &self,
        ctx: &Context,
        upstream: &str,
        kind: ListKind,
    ) -> Option<Digest> {
        let (upstream, now_ms) = (self.find(ctx, upstream)?, ctx.platform.now_ms());
        let known =
            self.memory.list(&upstream.name, kind, self.whose_without_key(ctx, upstream))?;
        let is_older =
            now_ms.saturating_sub(known.asked_ms) >= LISTED_NOW_MS && known.is_last_good(now_ms);
        is_older.then(|| self.digest_of(ctx, kind, &known))
    }

    fn digest_of(&self, ctx: &Context, kind: ListKind, list: &KnownList) -> Digest {
        let mut hash = Sha256::new();
        for item in self.visible(ctx, kind, list) {
            let text = if self.is_common() { &item.common } else { &item.own };
            hash.update(text.len().to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().into()
    }
}
