//! `ikpdb open`: opens the page of the hub that serves this workspace.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ikpdb_proto::Request;
use ikpdb_proto::client::{OPEN_PAGE, OpenPage, Page};
use ikpdb_runner::hub;
use ikpdb_runner::workspace::{HubPlace, workspace_of};

use crate::browser::{Browser, NoBrowser};
use crate::say::say;

/// Options of `ikpdb open`.
#[derive(Args)]
pub(crate) struct Options {
    /// A folder or file of the workspace [default: the current folder]
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,

    /// Do not open a browser; print the address, with the secret
    #[arg(long)]
    no_browser: bool,
}

pub(crate) fn main(options: Options) -> anyhow::Result<ExitCode> {
    let here = std::env::current_dir().context("the current folder is gone")?;
    let path = here.join(options.path.unwrap_or_default());
    let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(&path) };
    let place = HubPlace::prepare(&workspace_of(folder))?;
    if place.connect().is_err() {
        anyhow::bail!("no hub runs for {}; `ikpdb run` starts one", place.workspace.display());
    }
    let ask = |lasting| hub::ask::<Page>(&place, Request::new(OPEN_PAGE, &OpenPage { lasting }));
    let browser = if options.no_browser { Err(NoBrowser::NotWanted) } else { Browser::find() };
    match browser {
        Ok(browser) => {
            let page = ask(false)?;
            let plain = page.url.split('#').next().unwrap_or_default();
            println!("{plain} opens in the browser");
            browser.open(&page.url, plain);
        }
        Err(why) => {
            // As in `run`: the secret is for the user's eyes, not for a log file, unless asked for.
            let lasting = options.no_browser || std::io::stdout().is_terminal();
            let page = ask(lasting)?;
            if lasting {
                println!("{}", page.url);
            } else {
                println!("{}", page.url.split('#').next().unwrap_or_default());
                say("the address with its secret is printed on a terminal, or with --no-browser");
            }
            if let NoBrowser::Remote(remote) = why {
                say(format_args!("from your machine: ssh -L {0}:127.0.0.1:{0} {remote}", page.port));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
