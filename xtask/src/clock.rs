//! The time of day of a server, moved while it runs.
//!
//! A small library is loaded into `workerd` before all others and adds an offset to the functions that read the time
//! of day; timers are left alone, as they are where a clock is put right. It needs Linux and a C
//! compiler (`cc`, or `CC`). What it cannot move is what the kernel says elsewhere, as in the times of
//! files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::{exec::run, server::Options};

const SOURCE: &str = include_str!("clock.c");

/// A clock that can be moved.
#[derive(Debug)]
pub struct Clock {
    folder: TempDir,
}

impl Clock {
    /// A clock that is right. None: this machine has no compiler for it.
    ///
    /// # Errors
    /// Where there is one that fails.
    pub fn new() -> Result<Option<Self>> {
        let Some(compiler) = compiler() else {
            return Ok(None);
        };
        let clock = Self { folder: tempfile::tempdir()? };
        let source = clock.path("clock.c");
        fs::write(&source, SOURCE)?;
        run(Command::new(compiler)
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(clock.path("clock.so"))
            .arg(source))?;
        clock.set(0)?;
        Ok(Some(clock))
    }

    /// The options of a server that goes by it.
    #[must_use]
    pub fn of(&self, mut options: Options) -> Options {
        let library = ("LD_PRELOAD".to_owned(), self.path("clock.so"));
        options.environment.extend([library, ("CLOCK_FILE".to_owned(), self.path("offset"))]);
        options
    }

    /// Moves it so many seconds away from the right time.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn set(&self, seconds: i64) -> Result<()> {
        let path = self.path("offset");
        // Written in place: the server has this very file in its memory.
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(&path);
        let file = file.with_context(|| path.display().to_string())?;
        std::os::unix::fs::FileExt::write_all_at(&file, &seconds.to_ne_bytes(), 0)?;
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn compiler() -> Option<PathBuf> {
    let wanted = std::env::var_os("CC").map_or_else(|| PathBuf::from("cc"), PathBuf::from);
    let answers = |program: &Path| {
        Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success())
    };
    (cfg!(target_os = "linux") && answers(&wanted)).then_some(wanted)
}
