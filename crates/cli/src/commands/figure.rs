//! `shuniu figure`.

use schema::Kind;
use wire::record::{FigureAnswer, FigureRequest};

use crate::catalog::{Catalog, filters, label_of, name_of};
use crate::commands::Context;
use crate::commands::get::masked;
use crate::condition::{self, Condition};
use crate::exit::Exit;
use crate::grid::Grid;
use crate::json;
use crate::session::with_node;
use crate::times::number;

/// What people put between the words of a list.
const SEPARATORS: [char; 3] = [',', '，', '、'];

#[derive(Debug, clap::Args)]
pub struct Figure {
    /// 类别：名称或中文 / The kind, by name or by its Chinese label
    kind: String,

    /// 分组，用逗号分开：base 基地，place 地点，class 类型，state 状态，或字段 / Group by these, separated by commas: base,
    /// place, class, state or fields
    #[arg(long, default_value = "", hide_default_value = true)]
    by: String,

    /// 条件，写法同 list / A condition as in list, may be repeated
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition::parse)]
    conditions: Vec<Condition>,
}

impl Figure {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        with_node(&at.folder, async |node| {
            let catalog = Catalog::of(node).await;
            let kind = catalog.kind(&self.kind)?;
            let by = groups(kind, &self.by)?;
            let filters = filters(kind, &self.conditions)?;
            let request = FigureRequest { kind: kind.name.clone(), by: by.clone(), filters };
            let answer = node.records().figure(request).await?.into_inner();
            let value = json::of("shuniu.record.v1.FigureAnswer", &answer)?;
            at.out.answer(|| value, || words(kind, &by, &answer))?;
            Ok(Exit::Done)
        })
        .await
    }
}

fn groups(kind: &Kind, by: &str) -> anyhow::Result<Vec<String>> {
    let words = by.split(SEPARATORS).map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| name_of(kind, word)).collect()
}

fn words(kind: &Kind, by: &[String], answer: &FigureAnswer) -> String {
    let mut words = String::new();
    if !by.is_empty() {
        let labels = by.iter().map(|name| label_of(kind, name));
        let mut grid = Grid::new(labels.chain(["数量".to_owned()]));
        for row in &answer.rows {
            let keys = by.iter().zip(&row.keys).map(|(name, key)| masked(kind, name, key));
            grid.row(keys.chain([number(row.count)]));
        }
        words = grid.render();
    }
    words.push_str(&format!("{}合计 {}\n{}", kind.label, number(answer.total), watermark(answer)));
    words
}

/// The sentence that says how complete a figure is; a figure is never shown without one.
pub fn watermark(answer: &FigureAnswer) -> &str {
    let sentence = answer.watermark.as_ref().map_or("", |mark| mark.sentence.as_str());
    if sentence.is_empty() { "数据的完整程度不明。" } else { sentence }
}

#[cfg(test)]
mod tests {
    use schema::Schema;
    use wire::record::{FigureRow, Watermark};

    use super::*;

    #[test]
    fn a_figure_says_how_complete_it_is() {
        let kind = Schema::embedded().kind("organization").unwrap();
        let by = groups(kind, "基地，class").unwrap();
        assert_eq!(by, ["base", "class"]);
        let row = FigureRow { keys: vec!["东城街道".into(), "基金会".into()], count: 1_204 };
        let mark = Watermark { sentence: "统计截至 2026-11-22 09:12。".into(), ..Default::default() };
        let answer = FigureAnswer { rows: vec![row], total: 1_204, watermark: Some(mark) };
        let words = words(kind, &by, &answer);
        assert!(words.ends_with("社会组织合计 1,204\n统计截至 2026-11-22 09:12。"), "{words}");
        assert!(words.contains("东城街道  基金会  1,204"), "{words}");
        assert_eq!(watermark(&FigureAnswer::default()), "数据的完整程度不明。");
    }
}
