//! The words of `proto/shuniu/schema/v1/options.proto` as plain enums.

/// Defines an enum whose variants carry the numbers of an enum of `options.proto` and a Chinese label.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $number:literal $word:literal $label:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every variant, in the order of the contract.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The variant with this number in the contract.
            pub fn from_number(number: i32) -> Option<$name> {
                match number { $($number => Some($name::$variant),)* _ => None }
            }

            /// Its number in the contract.
            pub fn number(self) -> i32 {
                match self { $($name::$variant => $number,)* }
            }

            /// Its name in the contract.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// Its Chinese label.
            pub fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)* }
            }
        }
    };
}

words! {
    /// 冲突规则: who may write a field, and which of several concurrent values is shown.
    Rule {
        /// Only the owner writes; others file a correction request.
        OwnerOnly = 1 "OWNER_ONLY" "一数一源",
        /// Anyone in the home's chain; the owner's value is shown first.
        OwnerFirst = 2 "OWNER_FIRST" "数源优先",
        /// The higher tier's value is shown, then the latest.
        HigherTier = 3 "HIGHER_TIER" "上级优先",
        /// The latest value is shown.
        Latest = 4 "LATEST" "最新为准",
        /// Whoever's turn it is takes the step.
        Workflow = 5 "WORKFLOW" "流程",
        /// The owner may loosen, the chain may tighten; the highest enum number is shown.
        Strictest = 6 "STRICTEST" "从严",
        /// Every element is a register of its own; adding wins over a concurrent removal.
        Union = 7 "UNION" "合并",
        /// As `HigherTier`, and in the inbox until a person decides.
        Manual = 8 "MANUAL" "人工裁定",
    }
}

impl Rule {
    /// 数源 of a field whose contract names nobody: the home where the rule is about an owner, else its chain.
    pub fn default_owner(self) -> Who {
        match self {
            Rule::OwnerOnly | Rule::OwnerFirst | Rule::Strictest => Who::Home,
            Rule::HigherTier | Rule::Latest | Rule::Workflow | Rule::Union | Rule::Manual => Who::Chain,
        }
    }
}

words! {
    /// A base seen from a record.
    Who {
        /// The base the record belongs to.
        Home = 1 "HOME" "属地",
        /// The base above the home.
        ParentOfHome = 2 "PARENT_OF_HOME" "属地的上级",
        /// The root of the tree.
        Root = 3 "ROOT" "市级",
        /// The home and every base above it.
        Chain = 4 "CHAIN" "属地及其各级上级",
        /// The base that another field of the record names.
        Named = 5 "NAMED" "指定基地",
    }
}

words! {
    /// 公开范围 of a record at its creation.
    AudienceDefault {
        /// The home's chain and subtree only.
        None = 1 "NONE" "不公开(属地、其上级和下级可见)",
        /// Opened explicitly to the home's subtree.
        HomeSubtree = 2 "HOME_SUBTREE" "属地及其下级",
        /// Every base of the federation.
        Everybody = 3 "EVERYBODY" "全体基地",
    }
}

words! {
    /// How a text or number is written, checked and shown.
    Format {
        /// As it is.
        Plain = 0 "PLAIN" "普通",
        /// 统一社会信用代码, 18 characters.
        Uscc = 1 "USCC" "统一社会信用代码",
        /// 行政区划代码, 12 digits.
        Division = 2 "DIVISION" "行政区划代码",
        /// A telephone number.
        Phone = 3 "PHONE" "电话",
        /// Money as a whole number of fen, written in yuan.
        Fen = 4 "FEN" "金额(元)",
        /// A civil date `YYYY-MM-DD` in Asia/Shanghai.
        Date = 5 "DATE" "日期",
        /// An instant in UTC milliseconds, written in Asia/Shanghai.
        Instant = 6 "INSTANT" "时间",
        /// A text that may hold line breaks.
        Multiline = 7 "MULTILINE" "多行文字",
        /// The id of a base.
        Base = 8 "BASE" "基地",
        /// A percentage.
        Percent = 9 "PERCENT" "百分比",
        /// The id of another record.
        Record = 10 "RECORD" "记录",
    }
}

words! {
    /// How much of a value screens and exports may show.
    Privacy {
        /// Anyone who may see the record.
        Public = 0 "PUBLIC" "公开",
        /// Staff of the bases only.
        Internal = 1 "INTERNAL" "内部",
        /// Masked; revealed with a logged reason.
        Personal = 2 "PERSONAL" "个人信息",
    }
}

words! {
    /// A key column of the record table that a field fills.
    Column {
        /// The title of the record.
        Title = 1 "TITLE" "标题",
        /// Where it is.
        Place = 2 "PLACE" "地点",
        /// What sort it is.
        Class = 3 "CLASS" "类型",
        /// In which state it is.
        State = 4 "STATE" "状态",
    }
}

words! {
    /// What a field tells the engine about the tree of bases.
    RegistryRole {
        /// The base above.
        Parent = 1 "PARENT" "上级",
        /// All bases that were above before.
        FormerParents = 2 "FORMER_PARENTS" "曾任上级",
        /// The name of the base.
        Name = 3 "NAME" "名称",
        /// The explicit set of division codes.
        Jurisdiction = 4 "JURISDICTION" "辖区",
        /// Whether its parent's node serves it.
        Hosted = 5 "HOSTED" "托管",
        /// An enum whose value 1 is in service.
        Standing = 6 "STANDING" "在册状态",
        /// City, district, street, village: a label, never logic.
        Rung = 7 "RUNG" "层级",
        /// Where its node takes connections, host:port.
        Address = 8 "ADDRESS" "节点地址",
    }
}

words! {
    /// What a field holds of a wish to change somebody else's field.
    CorrectionRole {
        /// Short name of the kind of the record that is to be changed.
        TargetKind = 1 "TARGET_KIND" "记录类别",
        /// Id of the record that is to be changed, 16 bytes.
        TargetRecord = 2 "TARGET_RECORD" "记录编号",
        /// Number of the field that is to be changed.
        FieldNumber = 3 "FIELD_NUMBER" "字段号",
        /// What people call that field.
        FieldLabel = 4 "FIELD_LABEL" "更正字段",
        /// The value that it should hold, as people read it.
        WantedText = 5 "WANTED_TEXT" "应为",
        /// The same as stored: raw protobuf bytes, tags included.
        WantedRaw = 6 "WANTED_RAW" "应为(原值)",
        /// The value that stood when the wish was filed.
        StoodText = 7 "STOOD_TEXT" "现为",
        /// Reason and evidence.
        Reason = 8 "REASON" "理由和依据",
        /// Whether the engine made it out of a write that was overruled.
        Automatic = 9 "AUTOMATIC" "自动提出",
        /// The base that decides.
        Decider = 10 "DECIDER" "数源基地",
        /// The workflow: filed, verifying, corrected or refused.
        Progress = 11 "PROGRESS" "办理状态",
    }
}
