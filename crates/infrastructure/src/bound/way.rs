//! Which way leads to a resource: Cloudflare's API, or a binding of this server.

use catalogue::ShortCircuit;

use crate::{
    api::{ApiError, Purpose},
    call::{State, error, sentence},
    manifest::Resource,
};

/// The way that is taken to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way<'a> {
    /// Cloudflare's API.
    Api,
    /// The binding with this name.
    Binding(&'a str),
}

/// Which way is taken where both lead there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// Cloudflare's API: a token that only reads is D1's own lock.
    Api,
    /// The binding: it costs less, and is not counted among the requests to the API.
    Binding,
}

impl State<'_> {
    /// The way to a resource. `purposes`: what its token is for.
    pub(crate) fn way<'r>(
        &self,
        resource: &'r Resource,
        first: First,
        purposes: &[Purpose],
    ) -> Result<Way<'r>, ShortCircuit> {
        let is_own = self.is_own_stage();
        let named = resource.binding.as_deref().filter(|_| is_own);
        let bound = named.filter(|name| self.host.is_bound(resource.kind, name));
        if let (Some(binding), First::Binding) = (bound, first) {
            return Ok(Way::Binding(binding));
        }
        let missing = purposes.iter().find_map(|purpose| self.settings.check(*purpose).err());
        match (missing, bound) {
            (None, _) => Ok(Way::Api),
            (Some(_), Some(binding)) => Ok(Way::Binding(binding)),
            (Some(missing), None) => Err(neither(resource, is_own, &missing)),
        }
    }

    /// Whether the call's stage is the one to which this server is bound.
    pub(crate) fn is_own_stage(&self) -> bool {
        let own = self.host.own_stage().and_then(|name| self.manifest.stage(&name).ok());
        own.is_some_and(|own| self.stage().is_ok_and(|stage| stage.name == own.name))
    }
}

/// Neither way leads there: what is missing for each.
fn neither(resource: &Resource, is_own: bool, missing: &ApiError) -> ShortCircuit {
    let id = &resource.id;
    let other = match &resource.binding {
        _ if !is_own => String::new(),
        Some(binding) => format!(" Bound to this server as `{binding}`, it needs no token."),
        None => format!(" With a `binding` for `{id}` in the manifest it needs no token."),
    };
    error(format!("{}{other}", sentence(missing)))
}
