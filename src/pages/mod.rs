//! pages

pub mod landing;
pub mod oauth;
