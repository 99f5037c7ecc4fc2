//! What our standard streams are, and which of them are the terminal that the program shares with us.

use std::os::fd::RawFd;

use ikpdb_proto::runner::{StreamKind, Streams};

use crate::image::Stream;
use crate::{inherited, sys};

/// The three streams as found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    kinds: [StreamKind; 3],
}

impl Found {
    /// Looks at standard input, output and error.
    pub(crate) fn look() -> Self {
        let mut terminal = None;
        let kinds = [0, 1, 2].map(|stream: u8| {
            let fd = RawFd::from(stream);
            if inherited::was_closed(stream) {
                return StreamKind::Closed;
            }
            if sys::is_terminal(fd) {
                // A second terminal beside the first is inherited like any device.
                let device = sys::device(fd);
                return if *terminal.get_or_insert(device) == device {
                    StreamKind::Terminal
                } else {
                    StreamKind::Other
                };
            }
            kind_of(fd)
        });
        Self { kinds }
    }

    /// Whether this stream is the terminal.
    pub(crate) fn is_terminal(&self, stream: usize) -> bool {
        self.kinds[stream] == StreamKind::Terminal
    }

    /// The stream for a program that has it as we were given it.
    pub(crate) fn as_inherited(&self, stream: usize) -> Stream {
        if self.kinds[stream] == StreamKind::Closed { Stream::Closed } else { Stream::Inherited }
    }

    /// A descriptor of the terminal, the one for output first.
    pub(crate) fn terminal(&self) -> Option<RawFd> {
        [1, 2, 0].into_iter().find(|&stream| self.is_terminal(stream)).map(|stream| stream as RawFd)
    }

    /// Whether everything goes through the terminal, so that nobody else in a pipeline uses it too.
    pub(crate) fn all_terminal(&self) -> bool {
        (0..3).all(|stream| self.is_terminal(stream))
    }

    /// As told to the hub.
    pub(crate) fn describe(&self) -> Streams {
        let [stdin, stdout, stderr] = self.kinds.clone();
        let terminal = self.terminal().and_then(sys::window_size);
        Streams { stdin, stdout, stderr, terminal, attached: self.terminal().is_some() }
    }
}

fn kind_of(fd: RawFd) -> StreamKind {
    let Some(status) = sys::status(fd) else { return StreamKind::Closed };
    match status.st_mode & libc::S_IFMT {
        libc::S_IFIFO => StreamKind::Pipe,
        libc::S_IFREG => StreamKind::File { path: path_of(fd) },
        libc::S_IFCHR if status.st_rdev == libc::makedev(1, 3) => StreamKind::Null,
        _ => StreamKind::Other,
    }
}

fn path_of(fd: RawFd) -> String {
    let path = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default();
    path.to_string_lossy().into_owned()
}
