//! The facts about this catalogue that are not in its file; a build script would pass them on.

use catalogue_build::Settings;

pub(crate) const SETTINGS: Settings = Settings {
    service: "Shelf",
    prefix: "shelf_",
    behaviours: &["rename"],
    kinds: &[],
    hosts: &["catalogue", "register"],
};
