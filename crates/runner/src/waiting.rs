//! Whether a program waits for input from its terminal, found out from outside by what its threads wait for in the kernel.

use std::fs;

/// What the program may be blocked in. The numbers are those of the architecture.
const READ: &[libc::c_long] = &[libc::SYS_read, libc::SYS_readv];
#[cfg(target_arch = "x86_64")]
const POLL: &[libc::c_long] = &[libc::SYS_poll, libc::SYS_ppoll];
#[cfg(not(target_arch = "x86_64"))]
const POLL: &[libc::c_long] = &[libc::SYS_ppoll];
#[cfg(target_arch = "x86_64")]
const SELECT: &[libc::c_long] = &[libc::SYS_select, libc::SYS_pselect6];
#[cfg(not(target_arch = "x86_64"))]
const SELECT: &[libc::c_long] = &[libc::SYS_pselect6];
#[cfg(target_arch = "x86_64")]
const EPOLL: &[libc::c_long] = &[libc::SYS_epoll_wait, libc::SYS_epoll_pwait];
#[cfg(not(target_arch = "x86_64"))]
const EPOLL: &[libc::c_long] = &[libc::SYS_epoll_pwait];

/// How many processes and threads are looked at; a program with more is not one that reads a line.
const MOST: usize = 64;

/// Whether a thread of the process, or of a child of it, is blocked until `terminal` (`/dev/pts/N`) has input.
pub(crate) fn waits_for_input(pid: i32, terminal: &str) -> bool {
    let mut processes = vec![pid];
    let mut looked_at = 0;
    while let Some(process) = processes.pop() {
        let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { continue };
        for thread in threads.flatten() {
            looked_at += 1;
            if looked_at > MOST {
                return false;
            }
            let folder = thread.path();
            if fs::read_to_string(folder.join("syscall")).is_ok_and(|call| is_blocked(process, &call, terminal)) {
                return true;
            }
            let children = fs::read_to_string(folder.join("children")).unwrap_or_default();
            processes.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<i32>().ok()));
        }
    }
    false
}

/// Reads a line of `/proc/PID/task/TID/syscall`: number and arguments, or "running".
fn is_blocked(process: i32, call: &str, terminal: &str) -> bool {
    let mut words = call.split_ascii_whitespace();
    let Some(number) = words.next().and_then(|word| word.parse::<libc::c_long>().ok()) else { return false };
    let arguments: Vec<u64> =
        words.filter_map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok()).collect();
    let &[first, second, ..] = arguments.as_slice() else { return false };
    let is_terminal = |fd: u64| {
        let path = fs::read_link(format!("/proc/{process}/fd/{fd}"));
        path.is_ok_and(|path| path.as_os_str() == terminal || path.as_os_str() == "/dev/tty")
    };
    if READ.contains(&number) {
        is_terminal(first)
    } else if POLL.contains(&number) {
        polled(process, first, second).into_iter().any(is_terminal)
    } else if SELECT.contains(&number) {
        selected(process, first, second).into_iter().any(is_terminal)
    } else if EPOLL.contains(&number) {
        watched(process, first).into_iter().any(is_terminal)
    } else {
        false
    }
}

/// Descriptors that `poll` waits to read from.
fn polled(process: i32, array: u64, count: u64) -> Vec<u64> {
    let Ok(count) = usize::try_from(count.min(MOST as u64)) else { return Vec::new() };
    let bytes = remote_memory(process, array, count * 8);
    // struct pollfd { int fd; short events; short revents; }
    let entries = bytes.chunks_exact(8).filter_map(|entry| {
        let fd = i32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]);
        let events = i16::from_ne_bytes([entry[4], entry[5]]);
        u64::try_from(fd).ok().filter(|_| events & libc::POLLIN != 0)
    });
    entries.collect()
}

/// Descriptors that `select` waits to read from.
fn selected(process: i32, limit: u64, set: u64) -> Vec<u64> {
    if set == 0 {
        return Vec::new();
    }
    let limit = limit.min(1024);
    let bytes = remote_memory(process, set, usize::try_from(limit.div_ceil(64) * 8).unwrap_or(0));
    (0..limit).filter(|&fd| bytes.get((fd / 8) as usize).is_some_and(|byte| byte & (1 << (fd % 8)) != 0)).collect()
}

/// Descriptors that an epoll descriptor watches.
fn watched(process: i32, epoll: u64) -> Vec<u64> {
    let about = fs::read_to_string(format!("/proc/{process}/fdinfo/{epoll}")).unwrap_or_default();
    about
        .lines()
        .filter_map(|line| line.strip_prefix("tfd:")?.split_ascii_whitespace().next()?.parse().ok())
        .take(MOST)
        .collect()
}

/// Bytes of another process's memory; none if it may not be read.
fn remote_memory(process: i32, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; length];
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: length };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: length };
    // SAFETY: the kernel writes at most `length` bytes to our buffer; the other address is checked by the kernel.
    let count = unsafe { libc::process_vm_readv(process, &local, 1, &remote, 1, 0) };
    bytes.truncate(usize::try_from(count).unwrap_or(0));
    bytes
}
