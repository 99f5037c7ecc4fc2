//! What outlives the hub: the user's breakpoints, filters, watches and settings.

use ikpdb_proto::client::{ExceptionFilters, Setting, SettingScope, Watches, Wish};
use serde::{Deserialize, Serialize};

/// The state that is written to disk after every change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// The workspace's own.
    pub workspace: SavedWorkspace,
    /// The user's, for all workspaces: settings by key.
    pub user: Vec<Setting>,
}

/// The part of it that belongs to one workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SavedWorkspace {
    /// The master switch.
    pub active: bool,
    /// The shared list, without placements.
    pub breakpoints: Vec<Wish>,
    /// The exception filters, once somebody chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_filters: Option<ExceptionFilters>,
    /// The watches.
    pub watches: Watches,
    /// Settings.
    pub settings: Vec<Setting>,
}

impl Default for SavedWorkspace {
    fn default() -> Self {
        Self {
            active: true,
            breakpoints: Vec::new(),
            exception_filters: None,
            watches: Watches { expressions: Vec::new() },
            settings: Vec::new(),
        }
    }
}

impl Saved {
    /// All settings: the user's first.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        self.user.iter().chain(&self.workspace.settings).cloned().collect()
    }

    /// Takes a setting; null forgets it.
    pub(crate) fn set(&mut self, setting: Setting) {
        let list = match setting.scope {
            SettingScope::User => &mut self.user,
            SettingScope::Workspace => &mut self.workspace.settings,
        };
        list.retain(|it| it.key != setting.key);
        if !setting.value.is_null() {
            list.push(setting);
            list.sort_by(|a, b| a.key.cmp(&b.key));
        }
    }
}
