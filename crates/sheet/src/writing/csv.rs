//! CSV as Excel and WPS open it with a double click.

use std::io::Write;

use csv::{Terminator, WriterBuilder};

use super::Outgoing;
use crate::error::WriteError;
use crate::guard::protect;

pub(super) fn write<I: Iterator<Item = Vec<String>>>(
    out: &mut impl Write,
    table: Outgoing<'_, I>,
) -> Result<u64, WriteError> {
    // Without the mark Excel takes the text for GBK.
    out.write_all(b"\xEF\xBB\xBF")?;
    let mut writer = WriterBuilder::new().flexible(true).terminator(Terminator::CRLF).from_writer(out);
    let mut line = |cells: &[String]| -> Result<(), WriteError> {
        let cells = cells.iter().map(|cell| protect(cell).into_owned().into_bytes());
        writer.write_record(cells).map_err(failed)
    };
    table.options.notes_header.iter().try_for_each(|note| line(std::slice::from_ref(note)))?;
    line(table.headings)?;
    let mut rows = 0;
    for row in table.rows {
        line(&row)?;
        rows += 1;
    }
    if !table.options.footer.is_empty() {
        line(&vec![String::new(); table.headings.len().max(1)])?;
        table.options.footer.iter().try_for_each(|note| line(std::slice::from_ref(note)))?;
    }
    writer.flush()?;
    Ok(rows)
}

fn failed(error: csv::Error) -> WriteError {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => source.into(),
        kind => WriteError::Format { detail: format!("{kind:?}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writing::WriteOptions;
    use std::io;

    /// A disk with room for so many bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            self.0 = room;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fills_up_is_told_wherever_it_happens() {
        let headings = ["名称".to_owned()];
        let options = WriteOptions { footer: vec!["完".to_owned()], ..WriteOptions::default() };
        for room in 0..60 {
            let rows = (0..3).map(|n| vec![format!("测试{n}")]);
            let result =
                write(&mut Disk(room), Outgoing { headings: &headings, rows, options: &options, red: None });
            assert!(matches!(result, Ok(3) | Err(WriteError::DiskFull)), "{room}: {result:?}");
        }
    }
}
