//! The stack of a scan that is distributed over Lambda functions, outside of any VPC.

use super::{ALARMS, BUCKET, FILES, PARAMETERS, machine};
use crate::GENERATED_BY;

pub(super) fn template(definition: &str, scan: &str, publish: &str) -> String {
    let machine = machine(
        definition,
        r#"              - Sid: RunCommands
                Effect: Allow
                Action: lambda:InvokeFunction
                Resource: !GetAtt Function.Arn
"#,
    );
    format!(
        r#"# {GENERATED_BY}
# Deploy in the management account or a delegated administrator's. README.md beside this file describes the steps before it.
AWSTemplateFormatVersion: "2010-09-09"
Description: Doorward, distributed over Lambda functions by Step Functions.

Parameters:
  CodeBucket:
    Type: String
    Description: The bucket with the function's package, in this Region.
  CodeKey:
    Type: String
    Default: doorward.zip
    Description: The package's key.
  Architecture:
    Type: String
    Default: arm64
    AllowedValues:
      - arm64
      - x86_64
    Description: The architecture of the program in the package.
  Memory:
    Type: Number
    Default: 2048
    MinValue: 512
    MaxValue: 10240
    Description: Memory of each function in MB. The merge keeps the whole report in memory, about 10 KB for each load balancer.
{PARAMETERS}
Resources:
{BUCKET}  # The role that the roles of the accounts trust: doorward setup stackset --caller-arn arn:aws:iam::ACCOUNT:role/doorward-runner
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: doorward-runner
      Description: Runs Doorward; reads the organization and assumes the roles of the accounts
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              Service: lambda.amazonaws.com
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                aws:SourceAccount: !Ref AWS::AccountId
      Policies:
        - PolicyName: doorward
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
{scan}        - PolicyName: publish
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
{publish}        - PolicyName: function
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Sid: Log
                Effect: Allow
                Action:
                  - logs:CreateLogStream
                  - logs:PutLogEvents
                Resource: !GetAtt Log.Arn
{FILES}  Log:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: /aws/lambda/doorward-task
      RetentionInDays: !Ref LogDays
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: doorward-task
      Description: Runs one command of a distributed scan
      Role: !GetAtt Role.Arn
      Runtime: provided.al2023
      Handler: bootstrap
      Architectures:
        - !Ref Architecture
      Code:
        S3Bucket: !Ref CodeBucket
        S3Key: !Ref CodeKey
      MemorySize: !Ref Memory
      EphemeralStorage:
        Size: 4096
      Timeout: 900
      LoggingConfig:
        LogGroup: !Ref Log
      Environment:
        Variables:
          DOORWARD_LEDGER__PATH: !Sub "s3://${{Bucket}}/ledger.sqlite"
          # Below the maximum time of a function, so that a shard that does not finish in time reports it.
          DOORWARD_SCAN__DEADLINE: 14m
          # Parts of one run are merged within this time.
          DOORWARD_SCAN__RESUME_WITHIN: 8h
{machine}{ALARMS}
Outputs:
  Machine:
    Value: !Ref Machine
  Bucket:
    Value: !Ref Bucket
"#
    )
}
