//! `shuniu init`.

use node::InitOptions;
use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;

#[derive(Debug, clap::Args)]
pub struct Init {
    /// 联邦的名称，给人看，如“某市社会组织孵化联邦” / Name of the federation, for people
    #[arg(long, value_name = "NAME")]
    federation: String,

    /// 市级基地的名称 / Name of the root base
    #[arg(long)]
    name: String,

    /// 市级基地的编码，一般用行政区划代码 / Code of the root base, usually its division code
    #[arg(long)]
    code: String,

    /// 层级：city 市级，district 区级，street 街道，village 村居；也可写中文 / Its rung, by name or in Chinese
    #[arg(long, default_value = "city")]
    rung: String,

    /// 负责的行政区划代码，可写多次 / A division code that it is responsible for, may be repeated
    #[arg(long, value_name = "CODE")]
    jurisdiction: Vec<String>,

    /// 在哪个地址和端口接受下级连接 / Address and port on which nodes beneath are taken
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:7443")]
    listen: String,

    /// 写进邀请文件的对外地址；不写则同 --listen / Address that invites name; as --listen when left out
    #[arg(long, value_name = "HOST:PORT", default_value = "", hide_default_value = true)]
    advertise: String,
}

impl Init {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let name = self.name.clone();
        let options = InitOptions {
            federation: self.federation,
            name: self.name,
            code: self.code,
            rung: self.rung,
            jurisdiction: self.jurisdiction,
            listen: self.listen,
            advertise: self.advertise,
        };
        let report = node::init(&at.folder, &options).await?;
        at.out.answer(
            || json!({ "base": report.base, "root_pin": report.root_pin }),
            || {
                format!(
                    "已建立“{name}”，数据在文件夹 {} 里。\n基地编号：{}\n根证书指纹：{}\n\
                     下级加入时，请用电话核对这个指纹。\n下一步：shuniu serve 运行节点，shuniu invite 邀请下级。",
                    at.folder.display(),
                    report.base,
                    report.root_pin
                )
            },
        )?;
        Ok(Exit::Done)
    }
}
