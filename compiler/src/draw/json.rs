//! A pipeline's graph as JSON, for programs.

use serde_json::{Map, Value, json};

use super::graph::Graph;
use super::label;
use crate::pipeline::{Pipeline, Step, Volume};

/// The graph of a pipeline as data:
///
/// ```json
/// {
///   "name": "titanic", "description": null, "experiment": null, "image": "…",
///   "parameters": [{"name": "lr", "type": "float", "default": 0.1, "cell": 2}],
///   "nodes": [{
///     "name": "Load data", "task": "load-data", "cells": [3, 4],
///     "inputs": [{"variable": "x", "from": "other-task", "cell": 5}],
///     "outputs": [{"variable": "y", "cell": 5}],
///     "parameters": ["lr"], "metrics": [], "artifacts": [], "has_result": false,
///     "image": null, "cache": null,
///     "resources": {"limits": {"cpu": "2"}, "requests": {}},
///     "timeout_seconds": null, "retries": 0,
///     "volumes": [{"claim": "c", "mount_path": "/data", "env": null}]
///   }],
///   "edges": [{"from": "load-data", "to": "train", "kind": "data", "variables": ["x"]}],
///   "volumes": [], "shared_cells": [1], "skipped_cells": []
/// }
/// ```
///
/// Steps appear under their task names wherever one refers to another. Cells are numbered from 1.
/// An edge's `kind` is `data` where it carries variables, and `prev` where only a `prev:` tag makes
/// it; its `variables` are in the order of their first use. Names are as in the notebook: whoever
/// shows them must make them harmless.
pub fn json(pipeline: &Pipeline) -> Value {
    let graph = Graph::of(pipeline);
    let task = |step: usize| pipeline.steps.get(step).map(|step| step.task.as_str());
    json!({
        "name": pipeline.name,
        "description": pipeline.description,
        "experiment": pipeline.experiment,
        "image": pipeline.base_image,
        "parameters": pipeline.parameters.iter().map(|parameter| json!({
            "name": parameter.name,
            "type": label::kind(parameter.kind),
            "default": parameter.default,
            "cell": parameter.span.cell.saturating_add(1),
        })).collect::<Vec<_>>(),
        "nodes": pipeline.steps.iter().map(|step| node(step, &task)).collect::<Vec<_>>(),
        "edges": graph.edges.iter().map(|edge| json!({
            "from": task(edge.from),
            "to": task(edge.to),
            "kind": if edge.variables.is_empty() { "prev" } else { "data" },
            "variables": edge.variables,
        })).collect::<Vec<_>>(),
        "volumes": volumes(&pipeline.volumes),
        "shared_cells": numbers(&pipeline.shared_cells),
        "skipped_cells": numbers(&pipeline.skipped_cells),
    })
}

fn node<'a>(step: &Step, task: &impl Fn(usize) -> Option<&'a str>) -> Value {
    let mut node = Map::new();
    node.insert("name".into(), json!(step.name));
    node.insert("task".into(), json!(step.task));
    node.insert("cells".into(), numbers(&step.cells));
    let inputs = step.inputs.iter().map(|input| {
        json!({"variable": input.variable, "from": task(input.from), "cell": input.span.cell.saturating_add(1)})
    });
    node.insert("inputs".into(), inputs.collect());
    let outputs = step
        .outputs
        .iter()
        .map(|output| json!({"variable": output.variable, "cell": output.span.cell.saturating_add(1)}));
    node.insert("outputs".into(), outputs.collect());
    node.insert("parameters".into(), json!(step.parameters));
    node.insert("metrics".into(), json!(step.metrics));
    node.insert("artifacts".into(), json!(step.artifacts));
    node.insert("has_result".into(), json!(step.has_result));
    node.insert("image".into(), json!(step.config.image));
    node.insert("cache".into(), json!(step.config.cache));
    node.insert("resources".into(), json!({"limits": step.config.limits, "requests": step.config.requests}));
    node.insert("timeout_seconds".into(), json!(step.config.timeout_seconds));
    node.insert("retries".into(), json!(step.config.retry.as_ref().map_or(0, |retry| retry.count)));
    node.insert("volumes".into(), volumes(&step.config.volumes));
    Value::Object(node)
}

fn volumes(volumes: &[Volume]) -> Value {
    volumes
        .iter()
        .map(|volume| json!({"claim": volume.claim, "mount_path": volume.mount_path, "env": volume.env}))
        .collect()
}

fn numbers(cells: &[usize]) -> Value {
    cells.iter().map(|cell| cell.saturating_add(1)).collect::<Vec<_>>().into()
}
