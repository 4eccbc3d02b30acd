//! Files in memory, which a process can be given as its standard input.
//!
//! A pipe would block whoever fills it until somebody reads. A file in memory is complete before its
//! reader begins, whether that reads or not, and is gone with the last who holds it.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;

/// A file that holds these bytes and is read from its beginning.
pub(super) fn file_of(bytes: &[u8]) -> io::Result<File> {
    // Some systems take only files that nobody can execute, and old ones do not know the word for that:
    // https://docs.kernel.org/userspace-api/mfd_noexec.html
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL;
    let file = match memfd_create("hookbox", flags) {
        Err(Errno::INVAL) => memfd_create("hookbox", MemfdFlags::CLOEXEC)?,
        created => created?,
    };
    let mut file = File::from(file);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn it_is_read_from_its_beginning() {
        let mut text = String::new();

        file_of(b"an event")
            .and_then(|mut file| file.read_to_string(&mut text))
            .expect("the system has files in memory");

        assert_eq!(text, "an event");
    }
}
