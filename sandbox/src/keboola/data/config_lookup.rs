//! Which configurations a branch sees, and copying one where a branch first writes to it.
//!
//! A development branch sees those of the default branch until it has its own of the same id.

use crate::keboola::data::{Config, Project};
use crate::keboola::problem::Problem;

impl Project {
    /// The configurations that a branch sees, in the order they were made.
    pub(crate) fn configs_in(&self, branch: u64, is_deleted: bool) -> Vec<&Config> {
        let seen = self.configs.iter().filter(|config| self.sees(branch, config));
        seen.filter(|config| config.is_deleted == is_deleted).collect()
    }

    fn sees(&self, branch: u64, config: &Config) -> bool {
        let has_own = || {
            let same = |one: &&Config| one.component == config.component && one.id == config.id;
            self.configs.iter().filter(same).any(|one| one.branch == branch)
        };
        config.branch == branch || (config.branch == self.default_branch() && !has_own())
    }

    /// A configuration as a branch sees it, also one that is marked as deleted.
    pub(crate) fn any_config(
        &self,
        branch: u64,
        component: &str,
        id: &str,
    ) -> Result<&Config, Problem> {
        let same = |config: &&Config| config.component == component && config.id == id;
        let found = self.configs.iter().filter(same).find(|config| self.sees(branch, config));
        found.ok_or_else(|| {
            let text = format!("Configuration \"{id}\" not found for component \"{component}\"");
            Problem::new(404, "storage.configuration.notFound", text)
        })
    }

    /// A configuration as a branch sees it.
    pub(crate) fn config(
        &self,
        branch: u64,
        component: &str,
        id: &str,
    ) -> Result<&Config, Problem> {
        let config = self.any_config(branch, component, id)?;
        if config.is_deleted {
            let text = format!("Configuration \"{id}\" of component \"{component}\" is deleted");
            return Err(Problem::new(404, "storage.configuration.notFound", text));
        }
        Ok(config)
    }

    /// A configuration to change in a branch, copied there if the branch has not its own.
    pub(crate) fn config_mut(
        &mut self,
        branch: u64,
        component: &str,
        id: &str,
    ) -> Result<&mut Config, Problem> {
        let config = self.any_config(branch, component, id)?;
        if config.branch != branch {
            let copy = Config { branch, ..config.clone() };
            self.configs.push(copy);
        }
        let same =
            |one: &&mut Config| one.branch == branch && one.component == component && one.id == id;
        let none = Problem::missing("Configuration not found");
        self.configs.iter_mut().find(same).ok_or(none)
    }
}
