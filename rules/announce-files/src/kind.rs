//! What a file is, as far as its name says.
//!
//! What is in files is never read, so that a program that is called `invoice.pdf` is shown as a PDF.

/// Longer ones are rather a sentence with a full stop in it than an extension.
const LONGEST_EXTENSION: usize = 8;

/// What a file is to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Document,
    Pdf,
    Spreadsheet,
    Presentation,
    Image,
    Audio,
    Video,
    Archive,
    Code,
    Other,
}

impl Kind {
    /// The kind of an extension, in any case.
    pub(crate) fn of(extension: Option<&str>) -> Self {
        let extension = extension.unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "doc" | "docm" | "docx" | "dot" | "dotx" | "epub" | "md" | "odt" | "ott" | "pages"
            | "rtf" | "tex" | "txt" | "wps" => Self::Document,
            "pdf" => Self::Pdf,
            "csv" | "et" | "numbers" | "ods" | "ots" | "tsv" | "xls" | "xlsb" | "xlsm" | "xlsx" => {
                Self::Spreadsheet
            }
            "dps" | "key" | "odp" | "otp" | "pps" | "ppsx" | "ppt" | "pptm" | "pptx" => {
                Self::Presentation
            }
            "avif" | "bmp" | "gif" | "heic" | "heif" | "ico" | "jpeg" | "jpg" | "odg" | "png"
            | "psd" | "raw" | "svg" | "tif" | "tiff" | "webp" => Self::Image,
            "aac" | "aiff" | "amr" | "flac" | "m4a" | "mid" | "mp3" | "oga" | "ogg" | "opus"
            | "wav" | "wma" => Self::Audio,
            "3gp" | "avi" | "flv" | "m4v" | "mkv" | "mov" | "mp4" | "mpeg" | "mpg" | "ogv"
            | "webm" | "wmv" => Self::Video,
            "7z" | "bz2" | "gz" | "iso" | "lz4" | "rar" | "tar" | "tbz" | "tgz" | "txz" | "xz"
            | "zip" | "zst" => Self::Archive,
            "bat" | "c" | "cc" | "cpp" | "cs" | "css" | "go" | "h" | "hpp" | "htm" | "html"
            | "java" | "js" | "json" | "kt" | "lua" | "php" | "pl" | "ps1" | "py" | "rb" | "rs"
            | "scala" | "sh" | "sql" | "swift" | "toml" | "ts" | "tsx" | "vue" | "xml" | "yaml"
            | "yml" => Self::Code,
            _ => Self::Other,
        }
    }

    /// The icon before a title.
    pub(crate) fn icon(self) -> &'static str {
        match self {
            Self::Document => "📄",
            Self::Pdf => "📕",
            Self::Spreadsheet => "📊",
            Self::Presentation => "📽️",
            Self::Image => "🖼️",
            Self::Audio => "🎵",
            Self::Video => "🎬",
            Self::Archive => "📦",
            Self::Code => "💻",
            Self::Other => "📎",
        }
    }
}

/// The extension of a name, without the full stop; none where the name has nothing before or after it.
pub(crate) fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let is_extension = !stem.is_empty()
        && !extension.is_empty()
        && extension.len() <= LONGEST_EXTENSION
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_extension.then_some(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_the_kind_in_any_case() {
        for (name, kind, icon) in [
            ("a.docx", Kind::Document, "📄"),
            ("a.PDF", Kind::Pdf, "📕"),
            ("a.xlsx", Kind::Spreadsheet, "📊"),
            ("a.odp", Kind::Presentation, "📽️"),
            ("a.JPeG", Kind::Image, "🖼️"),
            ("a.flac", Kind::Audio, "🎵"),
            ("a.mkv", Kind::Video, "🎬"),
            ("a.tar.gz", Kind::Archive, "📦"),
            ("a.rs", Kind::Code, "💻"),
            ("a.dwg", Kind::Other, "📎"),
            ("pdf", Kind::Other, "📎"),
        ] {
            let found = Kind::of(extension(name));
            assert_eq!((found, found.icon()), (kind, icon), "{name}");
        }
    }

    #[test]
    fn a_name_may_have_no_extension() {
        for name in [
            "README",
            "a.",
            ".pdf",
            ".",
            "",
            "a.b c",
            "Minutes of Monday. Draft",
            "a.未完成",
        ] {
            assert_eq!(extension(name), None, "{name}");
        }
        assert_eq!(extension("v1.2.PDF"), Some("PDF"));
        assert_eq!(extension("合同.pdf"), Some("pdf"));
    }
}
