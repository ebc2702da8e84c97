//! Import.
/// x
#[derive(Debug, Clone, Default)]
pub struct ImportOptions;
/// x
#[derive(Debug, Clone, Default)]
pub struct ImportReport;
/// x
#[derive(Debug, Clone, Default)]
pub struct Imported;
/// x
#[derive(Debug, Clone, Default)]
pub struct LargeAmounts;
