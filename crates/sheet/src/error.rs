//! What can go wrong with a file, in words for the person who brought it.

use std::io;

/// Why a file could not be read. The words say what happened and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// There is nothing in the file.
    #[error("文件是空的。请确认选对了文件，并且已经保存。")]
    Empty,
    /// The first line holds no words.
    #[error("第 {line} 行应是表头，却没有文字。请在数据上方加一行列名，或使用系统的导入模板。")]
    NoHeading {
        /// The line that should be the heading.
        line: u64,
    },
    /// More rows than are taken at once.
    #[error("文件超过 {max} 行。请分成几个文件，每个不超过 {max} 行，分次导入。")]
    TooManyRows {
        /// How many are taken.
        max: usize,
    },
    /// More columns than any register has.
    #[error("第 {line} 行超过 {max} 列。请删去右边多余的列后再试。")]
    TooManyColumns {
        /// The line.
        line: u64,
        /// How many are taken.
        max: usize,
    },
    /// A cell that holds more than a spreadsheet's can.
    #[error("第 {line} 行有一个单元格太长。多半是引号没有成对，或整段文字粘进了一格；请改正后再试。")]
    CellTooLong {
        /// The line.
        line: u64,
    },
    /// The file, or what it unpacks to, is larger than is taken.
    #[error("{what}超过 {max} MB。请删去图片和多余的工作表，或分成几个文件再试。")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How much is taken.
        max: u64,
    },
    /// Bytes that are text in no known encoding.
    #[error("第 {line} 行有无法识别的文字编码。请在表格软件里另存为 .xlsx，或“CSV UTF-8”格式后再试。")]
    Encoding {
        /// The line, counted by line breaks.
        line: u64,
    },
    /// Another sort of file.
    #[error("这是{found}，不能导入。请在表格软件里打开，另存为 .xlsx 后再试。")]
    NotASheet {
        /// What it is.
        found: &'static str,
    },
    /// A sheet that is damaged.
    #[error("文件已损坏或不完整（{detail}）。请在表格软件里重新打开、另存为 .xlsx 后再试。")]
    Broken {
        /// What its reader says.
        detail: String,
    },
    /// A line that is not a JSON object.
    #[error("第 {line} 行不是一个 JSON 对象（{detail}）。请改正这一行，每行一个对象。")]
    JsonLine {
        /// The line.
        line: u64,
        /// What its reader says.
        detail: String,
    },
    /// The file cannot be opened.
    #[error("打不开文件：{}。请确认文件还在，并且没有被其他程序占用。", io_words(.source))]
    Open {
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Why a file could not be written. Nothing is left behind, and a file that was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// No room left.
    #[error("磁盘空间不足，文件没有写成。请清理磁盘，或换一个位置再导出。")]
    DiskFull,
    /// The name does not end in .csv, .xlsx or .jsonl.
    #[error("不知道要写成哪种格式。文件名请以 .xlsx、.csv 或 .jsonl 结尾。")]
    UnknownFormat,
    /// More rows than a spreadsheet holds.
    #[error("超过 {max} 行，一张工作表放不下。请缩小查询范围，或导出为 .csv。")]
    TooManyRows {
        /// How many a sheet holds.
        max: usize,
    },
    /// A cell longer than a spreadsheet's can be.
    #[error("第 {line} 行有一格文字超过表格软件的上限（32767 字）。请导出为 .csv 或 .jsonl。")]
    CellTooLong {
        /// The line in the file.
        line: u64,
    },
    /// The library that makes spreadsheets refused.
    #[error("表格文件没有写成（{detail}）。请导出为 .csv，并把这句话告诉管理员。")]
    Format {
        /// What it says.
        detail: String,
    },
    /// The system refused.
    #[error("文件没有写成：{}。请换一个位置，或关闭占用它的程序再试。", io_words(.source))]
    Io {
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl From<io::Error> for WriteError {
    fn from(source: io::Error) -> WriteError {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded => WriteError::DiskFull,
            _ => WriteError::Io { source },
        }
    }
}

fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "找不到这个文件或文件夹".to_owned(),
        io::ErrorKind::PermissionDenied => "没有权限".to_owned(),
        io::ErrorKind::IsADirectory => "这是一个文件夹".to_owned(),
        _ => error.to_string(),
    }
}
