//! Images as text.

use std::fmt::Write;

use super::table::table;
use super::{or_dash, visible, yes_no};
use crate::manager::{ImageKind, ImageStatus, RemovedImage, UnusedImage};
use crate::model::{DiskSize, Timestamp};

/// The table of `image list`.
pub fn images(images: &[ImageStatus]) -> String {
    let heading = ["NAME", "FORMAT", "SIZE", "VIRTUAL SIZE", "USED BY", "LAST USED"];
    let rows = images.iter().map(|image| {
        vec![
            image.name.clone(),
            format(image),
            size(image.size_bytes),
            or_dash(image.virtual_size_bytes.map(size)),
            used_by(image),
            or_dash(image.last_used.map(ago)),
        ]
    });
    table(heading.map(str::to_owned).to_vec(), rows.collect())
}

/// The page of `image info`.
pub fn image(image: &ImageStatus) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let value = visible(&value);
            let _ = writeln!(text, "{name:<13} {value}");
        }
    };
    line("name", Some(image.name.clone()));
    line("kind", Some(kind(image).to_owned()));
    line("digest", image.digest.clone());
    line("format", Some(format(image)));
    line("size", Some(size(image.size_bytes)));
    line("virtual size", image.virtual_size_bytes.map(size));
    line("source", Some(image.source.clone()).filter(|source| !source.is_empty()));
    line("verified", Some(yes_no(image.verified).to_owned()));
    line("user", image.default_user.clone());
    line("firmware", image.firmware.map(|firmware| firmware.to_string()));
    line("created", image.created.map(|time| time.to_string()));
    line("last used", image.last_used.map(|time| time.to_string()));
    line("file", image.path.clone());
    for base in &image.bases {
        line("base", Some(base.clone()));
    }
    line("used by", Some(used_by(image)));
    text
}

/// The images that `image prune` removes. `does` is what is said of each: "remove", "would remove".
pub fn unused_images(images: &[UnusedImage], does: &str) -> String {
    let mut text = String::new();
    for image in images {
        let (name, size) = (visible(&image.name), size(image.size_bytes));
        let _ = writeln!(text, "{does} {}{name} ({size})", what_goes(image.whole));
        push_files(&mut text, &image.files);
    }
    text
}

/// An image that `image prune` or `image rm` removed.
pub fn removed_image(image: &RemovedImage) -> String {
    let mut text = format!("removed {}{}\n", what_goes(image.whole), visible(&image.name));
    push_files(&mut text, &image.files);
    text
}

fn what_goes(whole: bool) -> &'static str {
    if whole { "" } else { "the pool copy of " }
}

fn push_files(text: &mut String, files: &[String]) {
    for file in files {
        let _ = writeln!(text, "  with {}", visible(file));
    }
}

fn kind(image: &ImageStatus) -> &'static str {
    match image.kind {
        ImageKind::Own if image.committed => "committed from a VM",
        ImageKind::Own => "imported",
        ImageKind::Download => "downloaded",
        ImageKind::Base => "base image in the storage pool",
        ImageKind::Warm => "running state that VMs are started from",
    }
}

fn format(image: &ImageStatus) -> String {
    match (&image.warm, image.format) {
        (Some(warm), _) => warm.state.to_owned(),
        (None, format) => format.map_or("damaged", |format| format.driver()).to_owned(),
    }
}

fn used_by(image: &ImageStatus) -> String {
    match &image.used_by {
        None => "?".into(),
        Some(users) => or_dash((!users.is_empty()).then(|| users.join(","))),
    }
}

fn size(bytes: u64) -> String {
    DiskSize::from_bytes(bytes).to_string()
}

/// How long ago, in the largest unit alone.
fn ago(time: Timestamp) -> String {
    let seconds = time.elapsed().as_secs();
    let units = [(86400, "d"), (3600, "h"), (60, "m")];
    let (unit, letter) = units.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1, "s"));
    format!("{}{letter} ago", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn one_unit_is_enough() {
        for (seconds, text) in [(5, "5s ago"), (150, "2m ago"), (7300, "2h ago"), (200_000, "2d ago")] {
            let time = SystemTime::now() - Duration::from_secs(seconds);
            assert_eq!(ago(time.into()), text);
        }
    }
}
