//! A file's text.

use std::fs::File;
use std::io::Read;

use ikpdb_proto::Failure;
use ikpdb_proto::client::{FileText, ReadFile};
use ikpdb_proto::proof::hex;
use sha2::{Digest, Sha256};

use super::Files;

/// The largest file that is shown, in bytes.
const LARGE: u64 = 10 << 20;

impl Files {
    pub(super) fn read(&self, read: &ReadFile) -> Result<FileText, Failure> {
        let path = self.inside(&read.path)?;
        let failed = |error: std::io::Error| Failure::user(format!("{}: {error}", path.display()));
        let refuse = |why: String| FileText { content: String::new(), hash: String::new(), refused: Some(why) };
        let about = std::fs::metadata(&path).map_err(failed)?;
        if !about.is_file() {
            // A pipe or a device would be waited for without end.
            return Err(Failure::user(format!("{} is not a file", path.display())));
        }
        let too_large = |size: u64| refuse(format!("{} MB: too large to show", size >> 20));
        if about.len() > LARGE {
            return Ok(too_large(about.len()));
        }
        let mut bytes = Vec::new();
        File::open(&path).and_then(|file| file.take(LARGE + 1).read_to_end(&mut bytes)).map_err(failed)?;
        if bytes.len() as u64 > LARGE {
            return Ok(too_large(bytes.len() as u64));
        }
        if bytes.iter().take(8_000).any(|byte| *byte == 0) {
            return Ok(refuse("not text".to_owned()));
        }
        let hash = hex(&Sha256::digest(&bytes));
        Ok(FileText { content: String::from_utf8_lossy(&bytes).into_owned(), hash, refused: None })
    }
}
