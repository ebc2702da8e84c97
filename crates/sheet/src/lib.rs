//! Files that people bring and take away: CSV in UTF-8 or GBK, XLSX, JSON lines.
