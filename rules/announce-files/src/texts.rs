//! Everything that a message says, in each language.
//!
//! A title is put together from its pieces rather than from a pattern, so that a folder of the name
//! `{name}` is a folder.

use hookbox_sdk::event::FileChange;
use hookbox_sdk::prelude::*;

use crate::kind::Kind;

/// The texts of one language.
#[derive(Debug)]
pub(crate) struct Texts {
    created: Wording,
    modified: Wording,
    renamed: Wording,
    removed: Wording,
    pub(crate) folder: &'static str,
    pub(crate) previous: &'static str,
    pub(crate) size: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) when: &'static str,
    pub(crate) last_modified: &'static str,
    kinds: Kinds,
    /// What stands before and after an extension.
    pub(crate) brackets: (&'static str, &'static str),
    /// One byte, and several.
    bytes: (&'static str, &'static str),
    /// The units above bytes, each 1,024 of the one before.
    pub(crate) units: [&'static str; 6],
    pub(crate) decimal_mark: char,
    pub(crate) months: [&'static str; 12],
}

/// How a change is told.
#[derive(Debug)]
pub(crate) struct Wording {
    /// Before the name of a file that has no category.
    alone: &'static str,
    /// Before and after the category, which the name of the file follows.
    within: (&'static str, &'static str),
    /// Before the name of who did it.
    pub(crate) by: &'static str,
}

#[derive(Debug)]
struct Kinds {
    document: &'static str,
    spreadsheet: &'static str,
    presentation: &'static str,
    image: &'static str,
    audio: &'static str,
    video: &'static str,
    archive: &'static str,
    code: &'static str,
    other: &'static str,
}

impl Texts {
    /// The texts of a language.
    pub(crate) fn of(language: Language) -> &'static Self {
        language.pick(&ENGLISH, &FRENCH, &CHINESE)
    }

    /// How a change is told.
    pub(crate) fn wording(&self, change: FileChange) -> &Wording {
        match change {
            FileChange::Created => &self.created,
            FileChange::Modified => &self.modified,
            FileChange::Renamed => &self.renamed,
            FileChange::Removed => &self.removed,
        }
    }

    /// The name of a kind; the icon and the extension tell a PDF from other documents.
    pub(crate) fn kind(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Document | Kind::Pdf => self.kinds.document,
            Kind::Spreadsheet => self.kinds.spreadsheet,
            Kind::Presentation => self.kinds.presentation,
            Kind::Image => self.kinds.image,
            Kind::Audio => self.kinds.audio,
            Kind::Video => self.kinds.video,
            Kind::Archive => self.kinds.archive,
            Kind::Code => self.kinds.code,
            Kind::Other => self.kinds.other,
        }
    }

    /// The word for so many bytes; French has its singular for none as well.
    pub(crate) fn bytes(&self, count: u64) -> &'static str {
        let is_one = count == 1 || (count == 0 && self.decimal_mark == ',');
        if is_one { self.bytes.0 } else { self.bytes.1 }
    }
}

impl Wording {
    /// The title without its icon.
    pub(crate) fn title(&self, category: Option<&str>, name: &str) -> String {
        match category {
            Some(category) => format!("{}{category}{}{name}", self.within.0, self.within.1),
            None => format!("{}{name}", self.alone),
        }
    }
}

static ENGLISH: Texts = Texts {
    created: Wording {
        alone: "New file: ",
        within: ("New file in ", ": "),
        by: "Uploaded by ",
    },
    modified: Wording {
        alone: "File changed: ",
        within: ("File changed in ", ": "),
        by: "Changed by ",
    },
    renamed: Wording {
        alone: "File renamed: ",
        within: ("File renamed in ", ": "),
        by: "Renamed by ",
    },
    removed: Wording {
        alone: "File removed: ",
        within: ("File removed from ", ": "),
        by: "Removed by ",
    },
    folder: "Folder",
    previous: "Before",
    size: "Size",
    kind: "Type",
    when: "When",
    last_modified: "Last modified",
    kinds: Kinds {
        document: "Document",
        spreadsheet: "Spreadsheet",
        presentation: "Presentation",
        image: "Image",
        audio: "Audio",
        video: "Video",
        archive: "Archive",
        code: "Code",
        other: "File",
    },
    brackets: (" (", ")"),
    bytes: ("byte", "bytes"),
    units: ["KB", "MB", "GB", "TB", "PB", "EB"],
    decimal_mark: '.',
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};

// A space before a colon or within guillemets is one at which no line ends.
static FRENCH: Texts = Texts {
    created: Wording {
        alone: "Nouveau fichier\u{a0}: ",
        within: ("Nouveau fichier dans «\u{a0}", "\u{a0}»\u{a0}: "),
        by: "Déposé par ",
    },
    modified: Wording {
        alone: "Fichier modifié\u{a0}: ",
        within: ("Fichier modifié dans «\u{a0}", "\u{a0}»\u{a0}: "),
        by: "Modifié par ",
    },
    renamed: Wording {
        alone: "Fichier renommé\u{a0}: ",
        within: ("Fichier renommé dans «\u{a0}", "\u{a0}»\u{a0}: "),
        by: "Renommé par ",
    },
    removed: Wording {
        alone: "Fichier supprimé\u{a0}: ",
        within: ("Fichier supprimé de «\u{a0}", "\u{a0}»\u{a0}: "),
        by: "Supprimé par ",
    },
    folder: "Dossier",
    previous: "Avant",
    size: "Taille",
    kind: "Type",
    when: "Date",
    last_modified: "Dernière modification",
    kinds: Kinds {
        document: "Document",
        spreadsheet: "Tableur",
        presentation: "Présentation",
        image: "Image",
        audio: "Audio",
        video: "Vidéo",
        archive: "Archive",
        code: "Code",
        other: "Fichier",
    },
    brackets: (" (", ")"),
    bytes: ("octet", "octets"),
    units: ["Ko", "Mo", "Go", "To", "Po", "Eo"],
    decimal_mark: ',',
    months: [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
};

static CHINESE: Texts = Texts {
    created: Wording {
        alone: "新文件：",
        within: ("“", "”中有新文件："),
        by: "上传者：",
    },
    modified: Wording {
        alone: "文件已修改：",
        within: ("“", "”中的文件已修改："),
        by: "修改者：",
    },
    renamed: Wording {
        alone: "文件已重命名：",
        within: ("“", "”中的文件已重命名："),
        by: "重命名者：",
    },
    removed: Wording {
        alone: "文件已删除：",
        within: ("“", "”中的文件已删除："),
        by: "删除者：",
    },
    folder: "文件夹",
    previous: "原路径",
    size: "大小",
    kind: "类型",
    when: "时间",
    last_modified: "最后修改",
    kinds: Kinds {
        document: "文档",
        spreadsheet: "表格",
        presentation: "演示文稿",
        image: "图片",
        audio: "音频",
        video: "视频",
        archive: "压缩包",
        code: "代码",
        other: "文件",
    },
    brackets: ("（", "）"),
    bytes: ("字节", "字节"),
    units: ["KB", "MB", "GB", "TB", "PB", "EB"],
    decimal_mark: '.',
    months: [
        "1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月",
    ],
};
