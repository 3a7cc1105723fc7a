//! How values flow into steps and out of them: parameters, artifacts, metrics, displays, surroundings.

mod support;

use std::fs;

use oxikale_runner::{ArgumentError, Event, RunError, State};
use serde_json::{Value, json};
use support::{Bench, ir_json, pipeline, step};

/// The step's folder, in a script.
const HERE: &str = "here=$(dirname \"$OXIKALE_EVENTS\")";

#[test]
fn two_steps_hand_on_a_value_with_what_is_known_of_it() {
    let mut bench = Bench::new();
    let output = r#"{"artifacts":{"x":{"artifacts":[{"name":"x","metadata":{"format":"json","rust_type":"i64","display":"42","n":1}}]}}}"#;
    let load = format!(
        "{HERE}; printf 42 > \"$here/outputs/x\"; echo '{output}' > \"$here/executor_output.json\"; echo loaded"
    );
    let show = format!("{HERE}; printf '%s' \"$1\" > \"$here/input.json\"; cat \"$here/../load/outputs/x\" >&2");
    let ir = pipeline(&[
        step("load", &load).output("x"),
        step("show", &show).input("load", "x").typed_output("never-there", "system.Artifact"),
    ]);
    let run = bench.run(&ir).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    assert_eq!(bench.log(&run, "load"), "loaded\n");
    assert_eq!(bench.log(&run, "show"), "42");

    let artifacts = bench.store().artifacts(&run.id).unwrap();
    let [x] = &artifacts[..] else { panic!("{artifacts:?}") };
    assert_eq!((x.task.as_str(), x.key.as_str(), x.size), ("load", "x", Some(2)));
    assert_eq!(
        (x.format.as_deref(), x.rust_type.as_deref(), x.display.as_deref()),
        (Some("json"), Some("i64"), Some("42"))
    );
    assert_eq!(x.sha256.as_deref(), Some("73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049"));

    let input: Value = serde_json::from_slice(&fs::read(run.folder.join("show/input.json")).unwrap()).unwrap();
    let kind = json!({"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"});
    let want = json!({
        "inputs": {"parameterValues": {}, "artifacts": {"x": {"artifacts": [{
            "name": "x", "type": kind, "uri": run.folder.join("load/outputs/x"),
            "metadata": {"format": "json", "rust_type": "i64", "display": "42", "n": 1},
        }]}}},
        "outputs": {
            "artifacts": {"never-there": {"artifacts": [{
                "name": "never-there", "type": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}, "uri": run.folder.join("show/outputs/never-there"), "metadata": {},
            }]}},
            "outputFile": run.folder.join("show/executor_output.json"),
        },
    });
    assert_eq!(input, want);
}

#[test]
fn parameters_reach_the_step_with_their_types() {
    let mut bench = Bench::new();
    let ir = ir_json(
        &[step("one", &format!("{HERE}; printf '%s' \"$1\" > \"$here/input.json\"")).parameter("lr").parameter("n")],
        json!({
            "lr": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.5},
            "n": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3.0},
        }),
    );
    let ir = serde_json::from_value(ir).unwrap();
    bench.options.arguments.insert("lr".to_owned(), json!(0.1));
    let run = bench.run(&ir).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    let input: Value = serde_json::from_slice(&fs::read(run.folder.join("one/input.json")).unwrap()).unwrap();
    assert_eq!(input["inputs"]["parameterValues"], json!({"lr": 0.1, "n": 3}));
    assert_eq!(Value::Object(run.arguments), json!({"lr": 0.1, "n": 3}));

    bench.options.arguments.insert("m".to_owned(), json!(1));
    let error = bench.run(&ir).unwrap_err();
    assert!(matches!(error, RunError::Argument(ArgumentError::Unknown { .. })), "{error}");
    assert_eq!(bench.store().runs(10).unwrap().len(), 1, "a refused run leaves no record");
}

#[test]
fn a_long_executor_input_travels_in_a_file() {
    let mut bench = Bench::new();
    let ir =
        ir_json(&[step("one", "printf '%s' \"$1\"").parameter("text")], json!({"text": {"parameterType": "STRING"}}));
    let long = "x".repeat(300_000);
    bench.options.arguments.insert("text".to_owned(), json!(long));
    let run = bench.run(&serde_json::from_value(ir).unwrap()).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    let argument = bench.log(&run, "one");
    let path = argument.strip_prefix('@').expect("a path");
    let input: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(input["inputs"]["parameterValues"]["text"], json!(long));
}

#[test]
fn metrics_and_displays_are_told_while_the_step_runs_and_kept() {
    let mut bench = Bench::new();
    let output = r#"{"artifacts":{"step-metrics":{"artifacts":[{"metadata":{"loss":0.25,"accuracy":0.9,"worst":-Infinity,"note":"text"}}]}}}"#;
    let go = bench.path("go");
    let script = format!(
        "{HERE}
         echo '{{\"type\":\"metric\",\"name\":\"loss\",\"value\":0.5,\"step\":0}}' >> \"$OXIKALE_EVENTS\"
         echo 'not json' >> \"$OXIKALE_EVENTS\"
         while [ ! -e {} ]; do sleep 0.01; done
         echo '{{\"type\":\"metric\",\"name\":\"loss\",\"value\":NaN,\"step\":1}}' >> \"$OXIKALE_EVENTS\"
         echo '{{\"type\":\"display\",\"id\":\"bar\",\"data\":{{\"text/plain\":\"old\"}}}}' >> \"$OXIKALE_EVENTS\"
         echo '{{\"type\":\"display\",\"data\":{{\"text/html\":\"<b>\"}}}}' >> \"$OXIKALE_EVENTS\"
         echo '{{\"type\":\"display\",\"id\":\"bar\",\"data\":{{\"text/plain\":\"new\"}}}}' >> \"$OXIKALE_EVENTS\"
         echo '{{\"type\":\"progress\",\"label\":\"rows\",\"done\":1,\"total\":2}}' >> \"$OXIKALE_EVENTS\"
         echo '{output}' > \"$here/executor_output.json\"",
        go.display()
    );
    let ir = pipeline(&[step("train", &script).typed_output("step-metrics", "system.Metrics")]);
    let run = bench
        .run_with(&ir, &oxikale_runner::Cancel::new(), |event| {
            // The step waits for this: it would never end if its metric came only at its end.
            if matches!(event, Event::Metric { name, step: Some(0), .. } if name == "loss") {
                fs::write(&go, "").unwrap();
            }
        })
        .unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    let metrics = bench.store().metrics(&run.id).unwrap();
    let seen: Vec<_> = metrics.iter().map(|m| (m.name.as_str(), m.step, m.value.to_string())).collect();
    assert_eq!(
        seen,
        [
            ("loss", Some(0), "0.5".to_owned()),
            ("loss", Some(1), "NaN".to_owned()),
            ("accuracy", None, "0.9".to_owned()),
            ("worst", None, "-inf".to_owned()),
        ]
    );
    let displays = bench.store().displays(&run.id).unwrap();
    let shown: Vec<_> = displays.iter().map(|display| Value::Object(display.data.clone())).collect();
    assert_eq!(shown, [json!({"text/html": "<b>"}), json!({"text/plain": "new"})]);
    assert!(bench.events.iter().any(|event| matches!(event, Event::Progress { total: Some(2.0), .. })));
}

#[test]
fn a_step_that_hands_on_nothing_of_what_it_declared_fails() {
    let mut bench = Bench::new();
    let ir = pipeline(&[step("load", "true").output("x").output("y").typed_output("cell-result", "system.Artifact")]);
    let run = bench.run(&ir).unwrap();
    assert_eq!(run.state, State::Failed);
    let (state, why) = bench.ended(&run, "load");
    assert_eq!(state, State::Failed);
    assert!(why.contains("did not hand on `x`, `y`;"), "{why}");
}

#[test]
fn the_step_program_stands_in_for_its_name_and_runs_beside_the_notebook() {
    let mut bench = Bench::new();
    let program = bench.path("my program");
    fs::write(&program, "#!/bin/sh\necho \"$2 in $(pwd)\"\n").unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, permissions).unwrap();
    bench.options.program = program;
    bench.options.notebook = Some(bench.path("note.ipynb"));
    let ir = pipeline(&[step("one", "").command(&["/oxikale/program", "--step", "one", "--executor_input", "{{$}}"])]);
    let run = bench.run(&ir).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    assert_eq!(bench.log(&run, "one"), format!("one in {}\n", bench.folder.path().canonicalize().unwrap().display()));

    bench.options.program = bench.path("nowhere");
    assert!(matches!(bench.run(&ir), Err(RunError::Program { .. })));
}

#[test]
fn volumes_are_folders_here() {
    let mut bench = Bench::new();
    let mount = |claim: &str, path: &str| json!({"constant": claim, "mountPath": path, "pvcNameParameter": {"runtimeValue": {"constant": claim}}});
    let chosen = bench.path("chosen");
    bench.options.volumes.insert("claim".to_owned(), chosen.clone());
    let mounts = [mount("claim", "/oxikale-test/a"), mount("other", "/oxikale-test/b"), mount("third", "/usr")];
    let script = "printf '%s\\n%s' \"$OXIKALE_VOLUMES\" \"$WHERE\"";
    let ir = pipeline(&[step("one", script).kubernetes(json!({"pvcMount": mounts})).env("WHERE", "/oxikale-test/a")]);
    let run = bench.run(&ir).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    let log = bench.log(&run, "one");
    let (volumes, variable) = log.split_once('\n').unwrap();
    let own = bench.options.data_dir.canonicalize().unwrap().join("volumes/oxikale-test_b");
    assert_eq!(
        serde_json::from_str::<Value>(volumes).unwrap(),
        json!({"/oxikale-test/a": chosen, "/oxikale-test/b": own, "/usr": "/usr"})
    );
    assert_eq!(variable, chosen.to_str().unwrap());
    assert!(chosen.is_dir() && own.is_dir());
}

#[test]
fn a_missing_secret_refuses_the_run_and_says_which() {
    let mut bench = Bench::new();
    let secret = |variable: &str, optional: bool| {
        json!({"secretName": "db", "secretNameParameter": {"runtimeValue": {"constant": "db"}}, "optional": optional,
               "keyToEnv": [{"envVar": variable, "secretKey": "password"}]})
    };
    let with = |secrets: Value| pipeline(&[step("one", "echo \"$PATH\"").kubernetes(json!({"secretAsEnv": secrets}))]);
    let error = bench.run(&with(json!([secret("OXIKALE_TEST_NO_SUCH", false)]))).unwrap_err().to_string();
    for word in ["`db`", "`password`", "`OXIKALE_TEST_NO_SUCH`", "`one`"] {
        assert!(error.contains(word), "{error}");
    }
    assert!(bench.events.is_empty() && bench.store().runs(1).unwrap().is_empty());
    let run = bench.run(&with(json!([secret("OXIKALE_TEST_NO_SUCH", true), secret("PATH", false)]))).unwrap();
    assert_eq!(run.state, State::Succeeded);
    assert_eq!(bench.log(&run, "one").trim(), std::env::var("PATH").unwrap());
}

#[test]
fn the_streams_of_a_log_can_be_told_apart() {
    let mut bench = Bench::new();
    let script = "echo one; sleep 0.05; echo two >&2; sleep 0.05; echo three; [ \"$(ls \"$(dirname \"$OXIKALE_EVENTS\")\"/again)\" ] || { mkdir \"$(dirname \"$OXIKALE_EVENTS\")/again\" && touch \"$(dirname \"$OXIKALE_EVENTS\")/again/x\"; exit 1; }";
    let ir = pipeline(&[step("talk", &format!("{script} 2>/dev/null")).retry(json!({"maxRetryCount": 1}))]);
    let run = bench.run(&ir).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    let log = bench.store().log(&run.id, "talk").unwrap();
    let copied = |stream, attempt| {
        let mut text = Vec::new();
        log.copy(stream, attempt, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    use oxikale_runner::Stream;
    assert_eq!(copied(Some(Stream::Stdout), None), "one\nthree\none\nthree\n");
    assert!(copied(Some(Stream::Stderr), Some(2)).ends_with("two\n"));
    assert!(copied(None, Some(2)).starts_with("one\n"));
    assert_eq!(copied(None, None), bench.log(&run, "talk"));
}
