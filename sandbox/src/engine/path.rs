//! Paths with parameters.

/// The parameters in a path, if it is of the template's form. In a template, a segment in braces
/// stands for any that is not empty.
pub(crate) fn arguments<'a>(template: &'a str, path: &str) -> Option<Vec<(&'a str, String)>> {
    let mut found = Vec::new();
    let mut parts = path.split('/');
    for wanted in template.split('/') {
        let part = parts.next()?;
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if part.is_empty() => return None,
            Some(name) => found.push((name, part.to_owned())),
            None if part != wanted => return None,
            None => {}
        }
    }
    parts.next().is_none().then_some(found)
}
