//! Pages for people, and the OAuth endpoints behind them.

pub mod landing;
pub mod oauth;
