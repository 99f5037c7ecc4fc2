//! The hub's log, on standard error: who came and went and what failed. No bodies of messages, no secrets.

/// A log beyond this size is begun anew.
const LONG: u64 = 1 << 20;

/// Starts the log, and lets a panic be written into it before it ends the process.
pub(crate) fn start() {
    let stderr = rustix::stdio::stderr();
    // As a rule it is a file that every hub of the workspace appends to.
    if let Ok(about) = rustix::fs::fstat(stderr)
        && rustix::fs::FileType::from_raw_mode(about.st_mode).is_file()
        && u64::try_from(about.st_size).is_ok_and(|size| size > LONG)
    {
        let _ = rustix::fs::ftruncate(stderr, 0);
    }
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .with_writer(std::io::stderr);
    if log.try_init().is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!("defect at {place}: the hub ends; programs run on");
            std::process::exit(70);
        }));
    }
}
