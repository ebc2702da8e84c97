//! `shuniu schema`.

use schema::table::rule_table_markdown;
use schema::{Field, Kind, Schema as Rules};
use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::commands::Context;
use crate::exit::Exit;
use crate::grid::Grid;
use crate::session::with_node;

#[derive(Debug, clap::Args)]
pub struct Schema {
    /// 类别：名称或中文；不写则列出全部类别 / The kind, by name or by its Chinese label; all kinds when left out
    kind: Option<String>,

    /// 输出 Markdown 格式的完整规则表 / Print the whole table of rules as Markdown
    #[arg(long)]
    markdown: bool,
}

impl Schema {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let catalog = catalog(at).await;
        let kind = self.kind.as_deref().map(|word| catalog.kind(word)).transpose()?;
        let kinds: Vec<&Kind> =
            kind.map_or_else(|| catalog.schema().kinds.iter().collect(), |kind| vec![kind]);
        if self.markdown {
            at.out.document(&markdown(catalog.schema(), kind))?;
            return Ok(Exit::Done);
        }
        let value = || json!({ "kinds": kinds.iter().map(|kind| describe(kind)).collect::<Vec<_>>() });
        at.out.answer(value, || kind.map_or_else(|| overview(&kinds), fields))?;
        Ok(Exit::Done)
    }
}

/// The kinds of the node in the folder; without one, those of this program: the rules can be read before a node is.
async fn catalog(at: &Context) -> Catalog {
    let asked = with_node(&at.folder, async |node| Ok(Catalog::of(node).await)).await;
    asked.unwrap_or_else(|_| Catalog::embedded())
}

fn markdown(rules: &Rules, kind: Option<&Kind>) -> String {
    let mut rules = rules.clone();
    rules.kinds.retain(|each| kind.is_none_or(|kind| kind.name == each.name));
    rule_table_markdown(&rules)
}

fn overview(kinds: &[&Kind]) -> String {
    let mut grid = Grid::new(["类别", "名称", "说明"]);
    for kind in kinds {
        grid.row([&kind.label, &kind.name, &kind.help]);
    }
    grid.render()
}

fn fields(kind: &Kind) -> String {
    let mut grid = Grid::new(["字段", "名称", "必填", "冲突规则", "数源", "填写"]);
    for field in &kind.fields {
        grid.row([
            field.label.as_str(),
            &field.name,
            if field.required { "是" } else { "" },
            field.rule.label(),
            &owner(kind, field),
            &filling(field),
        ]);
    }
    format!("{}（{}）{}\n\n{}", kind.label, kind.name, kind.help, grid.render())
}

fn owner(kind: &Kind, field: &Field) -> String {
    let named = field.owner_field.and_then(|number| kind.field(number));
    named.map_or_else(|| field.owner.label().to_owned(), |named| format!("“{}”所指", named.label))
}

fn filling(field: &Field) -> String {
    let values = field.enumeration().map(|values| values.values.iter().map(|value| value.label.as_str()));
    let values = values.map(|labels| labels.collect::<Vec<_>>().join("、")).unwrap_or_default();
    [values.as_str(), &field.help].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("；")
}

fn describe(kind: &Kind) -> Value {
    let key = kind.natural_key.iter().filter_map(|number| kind.field(*number)).map(|field| &field.name);
    json!({
        "name": kind.name,
        "label": kind.label,
        "label_en": kind.label_en,
        "help": kind.help,
        "natural_key": key.collect::<Vec<_>>(),
        "append_only": kind.append_only,
        "audience_default": kind.audience_default.word(),
        "fields": kind.fields.iter().map(describe_field).collect::<Vec<_>>(),
    })
}

fn describe_field(field: &Field) -> Value {
    let value = |value: &schema::EnumValue| json!({ "name": value.name, "label": value.label });
    json!({
        "number": field.number,
        "name": field.name,
        "label": field.label,
        "label_en": field.label_en,
        "help": field.help,
        "rule": field.rule.word(),
        "owner": field.owner.word(),
        "required": field.required,
        "format": field.format.word(),
        "privacy": field.privacy.word(),
        "repeated": field.repeated,
        "ref": field.reference,
        "values": field.enumeration().map(|values| values.values.iter().map(value).collect::<Vec<_>>()),
        "parts": field.parts().iter().map(describe_field).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_and_all_kinds() {
        let rules = Rules::embedded();
        let kind = rules.kind("organization").unwrap();
        let words = fields(kind);
        assert!(words.contains("统一社会信用代码") && words.contains("一数一源"), "{words}");
        let all = overview(&rules.kinds.iter().collect::<Vec<_>>());
        assert!(rules.kinds.iter().all(|kind| all.contains(&kind.label)), "{all}");
    }

    #[test]
    fn markdown_of_one_kind() {
        let rules = Rules::embedded();
        let one = markdown(rules, rules.kind("booking"));
        assert!(one.contains("`booking`") && !one.contains("## 社会组织 `organization`"));
        assert!(markdown(rules, None).contains("## 社会组织 `organization`"));
    }

    #[test]
    fn json_has_every_field() {
        let kind = Rules::embedded().kind("booking").unwrap();
        let value = describe(kind);
        assert_eq!(value["fields"].as_array().unwrap().len(), kind.fields.len());
        assert_eq!(value["fields"][0]["name"], kind.fields[0].name.as_str());
    }
}
