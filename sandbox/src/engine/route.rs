//! One operation of an API: its method, its path, what it asks of the token, its handler.
//!
//! [`methods`] gives an API the functions by which its tables name operations. What only one API says of its
//! operations, such as when they are there, is the field `more`.

/// What the token must be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// No token is needed.
    Open,
    /// A token that may only read is enough.
    Read,
    /// The token may change things.
    Write,
    /// That depends on the request, and the operation looks for itself.
    Own,
}

/// An operation, with the handlers `H` of an API and what it says more of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route<H, X> {
    /// The method, in upper case.
    pub(crate) method: &'static str,
    /// The path after the API's prefix, with names in braces where a parameter stands.
    pub(crate) path: &'static str,
    /// What the token must be able to do.
    pub(crate) access: Access,
    /// Its handler.
    pub(crate) handler: H,
    /// What only this API says of it.
    pub(crate) more: X,
}

impl<H: Copy, X: Copy> Route<H, X> {
    /// The same, for one that changes nothing although it is posted.
    pub(crate) const fn reads(self) -> Self {
        Self { access: Access::Read, ..self }
    }

    /// The same, for one that needs no token.
    pub(crate) const fn open(self) -> Self {
        Self { access: Access::Open, ..self }
    }

    /// The same, for one that looks at the token for itself.
    pub(crate) const fn looks_itself(self) -> Self {
        Self { access: Access::Own, ..self }
    }

    /// The same, of which this is said.
    pub(crate) const fn with(self, more: X) -> Self {
        Self { more, ..self }
    }
}

/// Defines how operations are named in tables: a function for each method. The functions take an API's own
/// type of handlers, so that a function's name stands for one.
macro_rules! methods {
    ($handler:ty, $route:ty, $more:expr) => {
        /// An operation that reads.
        pub(crate) const fn get(path: &'static str, handler: $handler) -> $route {
            operation("GET", path, $crate::engine::route::Access::Read, handler)
        }

        /// An operation that makes something.
        pub(crate) const fn post(path: &'static str, handler: $handler) -> $route {
            operation("POST", path, $crate::engine::route::Access::Write, handler)
        }

        /// An operation that replaces something.
        pub(crate) const fn put(path: &'static str, handler: $handler) -> $route {
            operation("PUT", path, $crate::engine::route::Access::Write, handler)
        }

        /// An operation that changes something.
        pub(crate) const fn patch(path: &'static str, handler: $handler) -> $route {
            operation("PATCH", path, $crate::engine::route::Access::Write, handler)
        }

        /// An operation that removes something.
        pub(crate) const fn delete(path: &'static str, handler: $handler) -> $route {
            operation("DELETE", path, $crate::engine::route::Access::Write, handler)
        }

        const fn operation(
            method: &'static str,
            path: &'static str,
            access: $crate::engine::route::Access,
            handler: $handler,
        ) -> $route {
            $crate::engine::route::Route { method, path, access, handler, more: $more }
        }
    };
}

pub(crate) use methods;
