//! `ikpdb run`: debugs a program in the browser.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ikpdb_proto::client::{OPEN_PAGE, OpenPage, Page};
use ikpdb_proto::runner::RunnerWelcome;
use ikpdb_proto::{Request, StopPolicy};
use ikpdb_runner::target::{Target, Wish, resolve};
use ikpdb_runner::workspace::HubPlace;
use ikpdb_runner::{Agent, Runner, hub};

use crate::browser::{Browser, NoBrowser};
use crate::embedded::libraries;
use crate::say::say;

const EXAMPLES: &str = "\
Examples:
  ikpdb run app.py --verbose            a script with its arguments
  ikpdb run -m http.server 8000         a module
  ikpdb run -c 'import this'            code
  ikpdb run pytest -q tests/            a Python command by its name
  ikpdb run -- python3.12 -X dev app.py an interpreter with its options
  ikpdb run --no-stop --env DEBUG=1 app.py

Options of ikpdb come first: everything behind the script, -m or -c belongs to the program.
The program runs in this terminal as it would without ikpdb, and ikpdb ends with its exit code.";

/// Options of `ikpdb run`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Run a module, as `python -m` does
    #[arg(short = 'm', value_names = ["MODULE", "ARGS"], num_args = 1.., allow_hyphen_values = true)]
    #[arg(conflicts_with_all = ["code", "target"])]
    module: Vec<OsString>,

    /// Run code, as `python -c` does
    #[arg(short = 'c', value_names = ["CODE", "ARGS"], num_args = 1.., allow_hyphen_values = true)]
    #[arg(conflicts_with = "target")]
    code: Vec<OsString>,

    /// The interpreter: a path, a name or a version such as 3.12 [default: $VIRTUAL_ENV, .venv or venv here, python3]
    #[arg(long, value_name = "PATH|VERSION")]
    python: Option<OsString>,

    /// Options for the interpreter, such as '-X dev -W error'
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    python_args: Vec<String>,

    /// Run in this folder
    #[arg(long, value_name = "FOLDER")]
    cwd: Option<PathBuf>,

    /// Set a variable for the program; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(OsString, OsString)>,

    /// Do not stop at the first line
    #[arg(long)]
    no_stop: bool,

    /// Do not open a browser; print the address, with the secret
    #[arg(long)]
    no_browser: bool,

    /// Port of the page [default: 15480, or the next free one up to 15499]
    #[arg(long)]
    port: Option<u16>,

    /// Let a client of the original IKPdb connect to this port of this machine, too
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    ikpdb_port: Option<u16>,

    /// Step into library code, too
    #[arg(long)]
    no_just_my_code: bool,

    /// A stop stops only the thread that comes to it; the others run on
    #[arg(long)]
    stop_one_thread: bool,

    /// Script, folder or zip file with a __main__, Python command, or interpreter; then the program's arguments
    #[arg(value_name = "TARGET", trailing_var_arg = true)]
    target: Vec<OsString>,
}

fn variable(text: &str) -> Result<(OsString, OsString), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("NAME=VALUE is expected".to_owned()),
    }
}

pub(crate) fn main(options: Options) -> anyhow::Result<ExitCode> {
    let no_browser = options.no_browser;
    let port = options.port;
    let resolved = resolve(&wish(options)?)?;
    let python = &resolved.program.python;
    say(format_args!("Python {}, {}", python.version, python.executable));
    let libraries = libraries()?;
    let place = HubPlace::prepare(&resolved.workspace)?;
    if let Some(complaint) = place.state_complaint() {
        say(complaint);
    }
    let agent = Agent::new(libraries.agent, &libraries.preload, place.socket.clone())
        .with_context(|| format!("{} cannot be preloaded", libraries.preload.display()))?;
    // The file itself, also after a newer build took its place.
    let executable = Path::new("/proc/self/exe");
    let (runner, welcome) = Runner::meet(&place, executable, port, &resolved.program, &agent)?;
    // The page is gone with its hub; the program needs neither.
    if let Err(error) = show_page(&place, &welcome, port, no_browser) {
        say(format_args!(
            "{error:#}; the program runs, and its page opens with `ikpdb open` once a hub is there again"
        ));
    }
    runner.run()?.repeat()
}

fn wish(options: Options) -> anyhow::Result<Wish> {
    let mut python_arguments = Vec::new();
    for text in &options.python_args {
        let words = shlex::split(text).with_context(|| format!("--python-args has an open quote: {text}"))?;
        python_arguments.extend(words.into_iter().map(OsString::from));
    }
    let target = match (options.module, options.code) {
        (module, _) if !module.is_empty() => Target::Module(module),
        (_, code) if !code.is_empty() => Target::Code(code),
        _ => Target::Words(options.target),
    };
    Ok(Wish {
        target,
        python: options.python,
        python_arguments,
        folder: options.cwd,
        variables: options.env,
        stop_on_entry: !options.no_stop,
        ikpdb_port: options.ikpdb_port,
        options: ikpdb_proto::Options {
            just_my_code: !options.no_just_my_code,
            stop_policy: if options.stop_one_thread { StopPolicy::Thread } else { StopPolicy::All },
            rules: Vec::new(),
        },
    })
}

/// Opens the page, or says where it is.
fn show_page(place: &HubPlace, welcome: &RunnerWelcome, port: Option<u16>, no_browser: bool) -> anyhow::Result<()> {
    let url = &welcome.url;
    let ask = |lasting| hub::ask::<Page>(place, Request::new(OPEN_PAGE, &OpenPage { lasting }));
    if let Some(wanted) = port
        && !url.ends_with(&format!(":{wanted}/"))
    {
        say(format_args!("the hub of this workspace is at {url} already; --port {wanted} is for a new one"));
    }
    if welcome.pages > 0 {
        say(format_args!("shown in the open page of {url}"));
        return Ok(());
    }
    let browser = if no_browser { Err(NoBrowser::NotWanted) } else { Browser::find() };
    match browser {
        Ok(browser) => {
            let page = ask(false)?;
            say(format_args!("{url} opens in the browser"));
            browser.open(&page.url, url);
        }
        Err(why) => {
            // The secret is for the user's eyes: not for a log file, unless asked for.
            let lasting = no_browser || std::io::stderr().is_terminal();
            let page = ask(lasting)?;
            say(format_args!("open {}", if lasting { &page.url } else { url }));
            if !lasting {
                say("`ikpdb open` on a terminal prints the address with its secret");
            }
            if let NoBrowser::Remote(remote) = why {
                say(format_args!("from your machine: ssh -L {0}:127.0.0.1:{0} {remote}", page.port));
            }
        }
    }
    Ok(())
}
