//! Whether a list is another one for a caller than it was.

use mcp_protocol::list_kind::ListKind;
use mcp_server::context::Context;
use sha2::{Digest as _, Sha256};

use super::Door;
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
        let mut hash = Sha256::new();
        for item in self.visible(ctx, kind, &list) {
            let text = if self.is_common() { &item.common } else { &item.own };
            hash.update(text.len().to_le_bytes());
            hash.update(text.as_bytes());
        }
        Some(hash.finalize().into())
    }
}
