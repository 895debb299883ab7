//! The files every site starts with.

/// What a file holds before anyone edits it; `None` where there is no such file.
pub(crate) fn stock(path: &str) -> Option<&'static str> {
    let text = match path {
        "wp-content/index.php" => "<?php\n// Silence is golden.\n",
        "wp-content/plugins/hello.php" => {
            "<?php\n/*\nPlugin Name: Hello Dolly\nVersion: 1.7.2\n*/\n\n\
             function hello_dolly() {\n    return 'Hello, Dolly';\n}\n"
        }
        "wp-content/themes/twentytwentyfive/style.css" => {
            "/*\nTheme Name: Twenty Twenty-Five\nVersion: 1.3\n*/\n\n\
             body {\n    color: #111111;\n    background: #ffffff;\n}\n"
        }
        "wp-content/themes/twentytwentyfive/functions.php" => {
            "<?php\nadd_action( 'after_setup_theme', function () {\n    \
             add_theme_support( 'post-formats' );\n} );\n"
        }
        _ => return None,
    };
    Some(text)
}
