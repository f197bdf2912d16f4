//! The state machine of a distributed scan, in the Amazon States Language: discover once, read all shards, merge.
//!
//! An execution without input begins a run with its own name. One with `{"run": NAME, "shards": [3, 7]}` repeats these shards of an
//! earlier run and merges it again.

use serde_json::{Value, json};

/// The service that runs the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepEngine {
    /// AWS Lambda.
    Lambda,
    /// ECS tasks on Fargate.
    Ecs,
}

/// The files of a run; CloudFormation fills in the bucket and the number of shards.
const PLACE: &str = "s3://${Bucket}/runs/";

/// The states.
pub(super) fn definition(engine: StepEngine) -> Value {
    let plan = format!("States.Format('{PLACE}{{}}/plan.json', $.run)");
    let part = format!("States.Format('{PLACE}{{}}/part-{{}}.json', $.run, $.shard)");
    let parts = format!("States.Format('{PLACE}{{}}/part-{{}}.json', $.run, $.numbers)");
    let saved = format!("States.Format('{PLACE}{{}}/scan.saved', $.run)");
    let discover = format!("States.Array('scan', '--discover-only', '--save', {plan})");
    let shard = format!(
        "States.Array('scan', '--shard', States.Format('{{}}/${{Shards}}', $.shard), '--discovered', {plan}, '--save', {part})"
    );
    // Findings are the result of a scan, not a failure of its execution.
    let merge = format!("'merge', {parts}, '--discovered', {plan}, '--save', {saved}, '--fail-on', 'never'");
    json!({
        "Comment": "Doorward: discover once, read every shard, merge. Start with {\"run\": NAME, \"shards\": [3]} to repeat shards.",
        "StartAt": "NewOrRepeated",
        "TimeoutSeconds": 28800,
        "States": {
            "NewOrRepeated": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.run", "IsPresent": true, "Next": "Frame"}],
                "Default": "New",
            },
            "New": {
                "Type": "Pass",
                "Parameters": {"run.$": "$$.Execution.Name", "shards.$": "States.ArrayRange(1, ${Shards}, 1)"},
                "Next": "Discover",
            },
            "Discover": task(engine, &discover, json!({"ResultPath": null, "Retry": retries(), "Next": "Frame"})),
            "Frame": {
                "Type": "Pass",
                "Parameters": {
                    "run.$": "$.run",
                    "shards.$": "$.shards",
                    // The names of all parts; as a value of its own, because braces in a format are its arguments.
                    "numbers": "{1..${Shards}}",
                    "publish": "${Publish}",
                },
                "Next": "Shards",
            },
            "Shards": {
                "Type": "Map",
                "ItemsPath": "$.shards",
                "ItemSelector": {"run.$": "$.run", "shard.$": "$$.Map.Item.Value"},
                "MaxConcurrency": 1000,
                // A shard that failed for good is named by the merge; the others are not lost.
                "ToleratedFailurePercentage": 100,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "Shard",
                    "States": {"Shard": task(engine, &shard, json!({"Retry": retries(), "End": true}))},
                },
                "ResultPath": null,
                "Next": "WhetherToPublish",
            },
            "WhetherToPublish": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.publish", "StringEquals": "true", "Next": "MergeAndPublish"}],
                "Default": "Merge",
            },
            "Merge": merge_task(engine, &format!("States.Array({merge})")),
            "MergeAndPublish": merge_task(engine, &format!("States.Array({merge}, '--publish')")),
            "Covered": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.merged.exit_code", "NumericEquals": 0, "Next": "Complete"}],
                "Default": "NotCovered",
            },
            "Complete": {"Type": "Succeed"},
            "NotCovered": {
                "Type": "Fail",
                "Error": "Doorward.Coverage",
                "Cause": "Less than report.minimum_coverage was read, or the merge failed; its log names the account-Regions and shards",
            },
        },
    })
}

/// Each failure is tried again after a pause: a task that was ended, or credentials and services that were not there for a moment.
fn retries() -> Value {
    json!([{
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 20,
        "MaxAttempts": 3,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    }])
}

/// The merge, whose exit code says whether enough was read.
fn merge_task(engine: StepEngine, command: &str) -> Value {
    match engine {
        StepEngine::Lambda => task(
            engine,
            command,
            json!({
                "ResultSelector": {"exit_code.$": "$.Payload.exit_code"},
                "ResultPath": "$.merged",
                "Retry": retries(),
                "Next": "Covered",
            }),
        ),
        // A task whose container ends with another exit code than 0 is an error, which is not worth a retry.
        StepEngine::Ecs => task(
            engine,
            command,
            json!({
                "ResultSelector": {"exit_code.$": "$.Containers[0].ExitCode"},
                "ResultPath": "$.merged",
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "NotCovered"}],
                "Next": "Covered",
            }),
        ),
    }
}

/// A task that runs a command, with further members.
fn task(engine: StepEngine, command: &str, members: Value) -> Value {
    let mut task = match engine {
        StepEngine::Lambda => json!({
            "Type": "Task",
            "Resource": "arn:${AWS::Partition}:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${Function.Arn}", "Payload": {"format": "task-v1", "command.$": command}},
        }),
        StepEngine::Ecs => json!({
            "Type": "Task",
            "Resource": "arn:${AWS::Partition}:states:::ecs:runTask.sync",
            "Parameters": {
                "LaunchType": "FARGATE",
                "Cluster": "${Cluster.Arn}",
                "TaskDefinition": "${Task}",
                "NetworkConfiguration": {"AwsvpcConfiguration": {
                    "Subnets": ["${SubnetA}", "${SubnetB}"],
                    "SecurityGroups": ["${Group}"],
                    "AssignPublicIp": "${PublicIp}",
                }},
                "Overrides": {"ContainerOverrides": [{"Name": "doorward", "Command.$": command}]},
            },
        }),
    };
    if let (Some(task), Value::Object(members)) = (task.as_object_mut(), members) {
        task.extend(members);
    }
    task
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_run_the_same_commands_in_the_same_order() {
        let commands = |engine: StepEngine| {
            let text = definition(engine).to_string();
            let commands = text.match_indices("States.Array('").map(|(at, _)| {
                let rest = &text[at..];
                rest[..rest.find("\",").or(rest.find("\"}")).expect("an end")].to_owned()
            });
            commands.collect::<Vec<_>>()
        };
        let of_lambda = commands(StepEngine::Lambda);
        assert_eq!(of_lambda.len(), 4);
        let arrays =
            |all: Vec<String>| all.iter().map(|one| one.split('"').next().unwrap_or("").to_owned()).collect::<Vec<_>>();
        assert_eq!(arrays(of_lambda), arrays(commands(StepEngine::Ecs)));
        for engine in [StepEngine::Lambda, StepEngine::Ecs] {
            let states = definition(engine);
            let names: Vec<&String> = states["States"].as_object().expect("states").keys().collect();
            for state in states["States"].as_object().expect("states").values() {
                let next = [&state["Next"], &state["Default"], &state["Choices"][0]["Next"]];
                assert!(next.into_iter().filter_map(Value::as_str).all(|next| names.iter().any(|name| *name == next)));
            }
        }
    }
}
