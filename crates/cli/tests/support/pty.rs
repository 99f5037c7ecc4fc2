//! A terminal without a shell or a screen: a command has it, the test reads all that is written to it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::fake_hub::PATIENCE;

/// What was read.
#[derive(Default)]
struct Seen {
    length: u64,
    /// The last bytes.
    end: Vec<u8>,
}

/// How many of the last bytes are kept.
const KEPT: usize = 64 << 10;

/// A running command on a terminal of 80 by 24.
pub struct Pty {
    pub child: Child,
    master: File,
    read: Arc<(Mutex<Seen>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Pty {
    /// Starts the command in a session of its own, with the terminal as its three streams.
    pub fn start(mut command: Command) -> Self {
        let (master, slave) = open();
        for stream in [Command::stdin, Command::stdout, Command::stderr] {
            stream(&mut command, Stdio::from(slave.try_clone().unwrap()));
        }
        // SAFETY: both calls are safe after a fork; standard input is the terminal by then.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        // Else its end would never be seen.
        drop((command, slave));
        let read = Arc::<(Mutex<Seen>, Condvar)>::default();
        let (all, mut from) = (read.clone(), master.try_clone().unwrap());
        let reader = std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                let mut read = all.0.lock().unwrap();
                read.length += count as u64;
                read.end.extend_from_slice(&buffer[..count]);
                if read.end.len() > 2 * KEPT {
                    let surplus = read.end.len() - KEPT;
                    read.end.drain(..surplus);
                }
                all.1.notify_all();
            }
        });
        Self { child, master, read, reader: Some(reader) }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this was written, among the last kilobytes.
    pub fn wait_for(&self, text: &str) {
        self.wait_so_long_for(PATIENCE, text);
    }

    /// The same for what takes its time.
    pub fn wait_so_long_for(&self, patience: Duration, text: &str) {
        let deadline = Instant::now() + patience;
        let mut read = self.read.0.lock().unwrap();
        loop {
            let end = String::from_utf8_lossy(&read.end);
            if end.contains(text) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let end = end.into_owned();
                drop(read);
                panic!("no {text:?} in {end}");
            }
            drop(end);
            read = self.read.1.wait_timeout(read, left).unwrap().0;
        }
    }

    /// Waits for the command's end; how it ended, how many bytes it wrote, and the last of them.
    pub fn end(mut self) -> (ExitStatus, u64, String) {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let read = self.read.0.lock().unwrap();
        (status, read.length, String::from_utf8_lossy(&read.end).into_owned())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn open() -> (File, OwnedFd) {
    let (mut master, mut slave) = (0, 0);
    let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: both numbers are filled by the call, then both descriptors are ours alone.
    unsafe {
        let none = std::ptr::null_mut();
        assert_eq!(libc::openpty(&mut master, &mut slave, none, std::ptr::null_mut(), &size), 0);
        for fd in [master, slave] {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    }
}
