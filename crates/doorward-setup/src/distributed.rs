//! CloudFormation: a scan that Step Functions distributes over Lambda functions or ECS tasks, with files and ledger in S3.

use std::fmt::Write as _;

use doorward_model::Grant;

use crate::cloudformation::statement;
use crate::{GeneratedFile, Role, RolePurpose, RoleRequest, RoleSettings, SetupError};

mod ecs_stack;
mod lambda_stack;
mod state_machine;

use state_machine::{StepEngine, definition};

/// The stacks of both engines.
///
/// # Errors
/// As [`Role::of`].
pub fn distributed(request: &RoleRequest, settings: &RoleSettings) -> Result<Vec<GeneratedFile>, SetupError> {
    let role = |purpose| Role::of(purpose, request, settings);
    let scan = statements(&role(RolePurpose::Scan)?.base_identity_grants);
    let publish = statements(&role(RolePurpose::Publish)?.base_identity_grants);
    let machine = |engine| -> Result<String, SetupError> {
        Ok(indented(&serde_json::to_string_pretty(&definition(engine))?, "        "))
    };
    let stacks = [
        ("lambda.yaml", lambda_stack::template(&machine(StepEngine::Lambda)?, &scan, &publish)),
        ("ecs.yaml", ecs_stack::template(&machine(StepEngine::Ecs)?, &scan, &publish)),
    ];
    Ok(stacks.map(|(name, text)| GeneratedFile { name: name.to_owned(), text }).into())
}

fn statements(grants: &[Grant]) -> String {
    grants.iter().map(statement).collect()
}

fn indented(text: &str, indent: &str) -> String {
    text.lines().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{indent}{line}");
        all
    })
}

/// The parameters that both stacks have.
const PARAMETERS: &str = r#"  Shards:
    Type: Number
    Default: 16
    MinValue: 1
    MaxValue: 1000
    Description: The number of shards into which a scan is divided, about one for each thousand accounts, and more if a shard takes too long.
  Schedule:
    Type: String
    Default: cron(15 3 * * ? *)
    Description: The schedule of the scan, in UTC.
  Publish:
    Type: String
    Default: "true"
    AllowedValues:
      - "true"
      - "false"
    Description: Whether findings are published to Security Hub.
  AlarmEmail:
    Type: String
    Default: ""
    Description: The address to which alarms are sent; AWS asks it to confirm. Required if AlarmTopic is empty.
    AllowedPattern: "^([^@ ]+@[^@ ]+)?$"
  AlarmTopic:
    Type: String
    Default: ""
    Description: The ARN of an SNS topic in this Region to which alarms are sent, instead of a topic of this stack.
    AllowedPattern: "^(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)?$"
  SilentHours:
    Type: Number
    Default: 26
    MinValue: 2
    MaxValue: 168
    Description: An alarm is raised if no scan was complete for this many hours; use more than Schedule leaves between two scans.
  LogDays:
    Type: Number
    Default: 90
    AllowedValues:
      - 30
      - 90
      - 180
      - 365
    Description: The number of days for which logs are kept.

Rules:
  Alarms:
    Assertions:
      - Assert: !Not [!And [!Equals [!Ref AlarmEmail, ""], !Equals [!Ref AlarmTopic, ""]]]
        AssertDescription: Set AlarmEmail or AlarmTopic. Without either, an alarm would have no recipient.

Conditions:
  OwnTopic: !Equals [!Ref AlarmTopic, ""]
"#;

/// The bucket with plan, parts and ledger.
const BUCKET: &str = r#"  # Plans, parts, merged scans and the ledger. Parts show where defenses are weak, so only the account can read them.
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault:
              SSEAlgorithm: AES256
      PublicAccessBlockConfiguration:
        BlockPublicAcls: true
        BlockPublicPolicy: true
        IgnorePublicAcls: true
        RestrictPublicBuckets: true
      OwnershipControls:
        Rules:
          - ObjectOwnership: BucketOwnerEnforced
      VersioningConfiguration:
        Status: Enabled
      LifecycleConfiguration:
        Rules:
          - Id: Runs
            Status: Enabled
            Prefix: runs/
            ExpirationInDays: 30
          - Id: Versions
            Status: Enabled
            NoncurrentVersionExpiration:
              NoncurrentDays: 30
            AbortIncompleteMultipartUpload:
              DaysAfterInitiation: 7
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Sid: EncryptedOnly
            Effect: Deny
            Principal: "*"
            Action: s3:*
            Resource:
              - !GetAtt Bucket.Arn
              - !Sub "${Bucket.Arn}/*"
            Condition:
              Bool:
                aws:SecureTransport: "false"
"#;

/// The permissions of the process on the bucket.
const FILES: &str = r#"              - Sid: Files
                Effect: Allow
                Action:
                  - s3:GetObject
                  - s3:PutObject
                Resource: !Sub "${Bucket.Arn}/*"
              # Without it, S3 does not report that an object is missing.
              - Sid: List
                Effect: Allow
                Action: s3:ListBucket
                Resource: !GetAtt Bucket.Arn
"#;

/// The state machine with its schedule, and what may start it.
fn machine(definition: &str, run_tasks: &str) -> String {
    format!(
        r#"  MachineRole:
    Type: AWS::IAM::Role
    Properties:
      Description: Runs the commands of a distributed scan
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              Service: states.amazonaws.com
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                aws:SourceAccount: !Ref AWS::AccountId
      Policies:
        - PolicyName: run
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
{run_tasks}              # A distributed map starts executions of its own machine.
              - Sid: StartChildren
                Effect: Allow
                Action: states:StartExecution
                Resource: !Sub "arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:stateMachine:doorward-scan"
              - Sid: FollowChildren
                Effect: Allow
                Action:
                  - states:DescribeExecution
                  - states:StopExecution
                Resource: !Sub "arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:execution:doorward-scan:*"
              - Sid: RepeatChildren
                Effect: Allow
                Action: states:RedriveExecution
                Resource: !Sub "arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:execution:doorward-scan/*:*"
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: doorward-scan
      StateMachineType: STANDARD
      RoleArn: !GetAtt MachineRole.Arn
      DefinitionString: !Sub |
{definition}  ScheduleRole:
    Type: AWS::IAM::Role
    Properties:
      Description: Lets EventBridge Scheduler start a distributed scan
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              Service: scheduler.amazonaws.com
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                aws:SourceAccount: !Ref AWS::AccountId
      Policies:
        - PolicyName: start
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Sid: Start
                Effect: Allow
                Action: states:StartExecution
                Resource: !Ref Machine
  Nightly:
    Type: AWS::Scheduler::Schedule
    Properties:
      Description: Starts a distributed scan
      ScheduleExpression: !Ref Schedule
      FlexibleTimeWindow:
        Mode: "OFF"
      Target:
        Arn: !Ref Machine
        RoleArn: !GetAtt ScheduleRole.Arn
        Input: "{{}}"
        RetryPolicy:
          MaximumRetryAttempts: 10
"#
    )
}

/// The alarms: an execution that failed, also because its coverage is below the minimum, and no complete scan for too long.
const ALARMS: &str = r#"  Topic:
    Type: AWS::SNS::Topic
    Condition: OwnTopic
    Properties:
      KmsMasterKeyId: alias/aws/sns
      Subscription:
        - Protocol: email
          Endpoint: !Ref AlarmEmail
  Incomplete:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: A distributed scan failed, or its coverage is below report.minimum_coverage. The log of the merge names what is missing.
      Namespace: AWS/States
      MetricName: ExecutionsFailed
      Dimensions:
        - Name: StateMachineArn
          Value: !Ref Machine
      Statistic: Sum
      Period: 300
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: notBreaching
      AlarmActions:
        - !If [OwnTopic, !Ref Topic, !Ref AlarmTopic]
      OKActions:
        - !If [OwnTopic, !Ref Topic, !Ref AlarmTopic]
  TooLong:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: A distributed scan did not finish in time.
      Namespace: AWS/States
      MetricName: ExecutionsTimedOut
      Dimensions:
        - Name: StateMachineArn
          Value: !Ref Machine
      Statistic: Sum
      Period: 300
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: notBreaching
      AlarmActions:
        - !If [OwnTopic, !Ref Topic, !Ref AlarmTopic]
      OKActions:
        - !If [OwnTopic, !Ref Topic, !Ref AlarmTopic]
  Silent:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: No distributed scan was complete for SilentHours.
      Namespace: AWS/States
      MetricName: ExecutionsSucceeded
      Dimensions:
        - Name: StateMachineArn
          Value: !Ref Machine
      Statistic: Sum
      Period: 3600
      EvaluationPeriods: !Ref SilentHours
      Threshold: 1
      ComparisonOperator: LessThanThreshold
      TreatMissingData: breaching
      AlarmActions:
        - !If [OwnTopic, !Ref Topic, !Ref AlarmTopic]
      OKActions:
        - !If [OwnTopic, !Ref Topic, !Ref AlarmTopic]
"#;
