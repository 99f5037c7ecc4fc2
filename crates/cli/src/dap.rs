//! `ikpdb dap`: the Debug Adapter Protocol on standard input and output.

use std::process::ExitCode;

use clap::Args;
use ikpdb_proto::dap::{Capabilities, ExceptionBreakpointsFilter, IkpdbCapabilities};

/// Options of `ikpdb dap`
#[derive(Args)]
pub(crate) struct Options {}

pub(crate) fn main(_options: Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`ikpdb dap` is not built yet")
}

/// What agents of this build say that they can do: an editor asks before there is one.
pub(crate) fn promised() -> Capabilities {
    Capabilities {
        supports_configuration_done_request: Some(true),
        supports_conditional_breakpoints: Some(true),
        supports_hit_conditional_breakpoints: Some(true),
        supports_log_points: Some(true),
        supports_evaluate_for_hovers: Some(true),
        supports_clipboard_context: Some(true),
        supports_set_variable: Some(true),
        supports_exception_info_request: Some(true),
        supports_delayed_stack_trace_loading: Some(true),
        supports_cancel_request: Some(true),
        exception_breakpoint_filters: Some(vec![ExceptionBreakpointsFilter {
            filter: "uncaught".to_owned(),
            label: "Uncaught exceptions".to_owned(),
            description: None,
            default: Some(true),
        }]),
        ikpdb: Some(IkpdbCapabilities { run_to: Some(true), execute_code: Some(true), disable_break: Some(true) }),
        ..Default::default()
    }
}
