//! The corpus, and the views of kubectl and of ours made comparable.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use usercert_core::kubeconfig::merged::{Merged, MergedError, SourceFile};
use usercert_core::kubeconfig::path::LoadingList;

use super::flatten::flatten;
use super::kubectl::kubectl;

/// kubectl's view, normalised.
pub(crate) fn kubectl_view(files: &[PathBuf]) -> Result<Value, String> {
    let text = kubectl(files, &["config", "view", "--raw", "--flatten", "-o", "json"])?;
    Ok(normalised(serde_json::from_str(&text).unwrap()))
}

pub(crate) fn load(files: &[PathBuf]) -> Result<Merged, MergedError> {
    let list = LoadingList { files: files.to_vec(), explicit: false };
    let sources = files
        .iter()
        .map(|path| SourceFile { path: path.clone(), text: std::fs::read_to_string(path).ok() });
    Merged::load(&list, sources.collect())
}

/// Our view, normalised.
pub(crate) fn our_view(files: &[PathBuf]) -> Result<Value, String> {
    let merged = load(files).map_err(|error| error.to_string())?;
    flatten(&merged).map(normalised)
}

/// Without what nobody reads here, and without what is empty, which one side writes and the other
/// leaves out.
pub(crate) fn normalised(mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| !matches!(key.as_str(), "preferences" | "extensions"));
    }
    for user in value["users"].as_array_mut().into_iter().flatten() {
        let Some(exec) = user.pointer_mut("/user/exec") else { continue };
        let version = exec["apiVersion"].as_str().unwrap_or_default();
        if version.ends_with("beta1") && is_empty(&exec["interactiveMode"]) {
            exec["interactiveMode"] = "IfAvailable".into();
        }
    }
    for list in ["clusters", "users", "contexts"] {
        if let Some(items) = value[list].as_array_mut() {
            items.sort_by_key(|item| item["name"].as_str().unwrap_or_default().to_owned());
        }
    }
    without_empty(value)
}

fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map = map.into_iter().map(|(key, value)| (key, without_empty(value)));
            let mut map: Vec<_> =
                map.filter(|(key, value)| key == "name" || !is_empty(value)).collect();
            map.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(map.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(_) | Value::Bool(true) => false,
    }
}

pub(crate) fn corpus_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubeconfig")
}

/// The hand-made files, by name.
pub(crate) fn corpus() -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = std::fs::read_dir(corpus_folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    files
}

/// Does the work for each item on a few threads and panics with all complaints.
pub(crate) fn for_each<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<(), String> + Sync) {
    let (next, threads) = (AtomicUsize::new(0), std::thread::available_parallelism().unwrap());
    let complaints = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(complaint) = work(item) {
                        complaints.lock().unwrap().push(complaint);
                    }
                }
            });
        }
    });
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n\n"));
}
