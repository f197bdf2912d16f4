//! The stack of a scan that is distributed over ECS tasks: for shards that take longer than a function may.

use super::{ALARMS, BUCKET, FILES, PARAMETERS, machine};
use crate::GENERATED_BY;

/// The permissions that Step Functions needs to run tasks and to follow them.
const RUN_TASKS: &str = r#"              - Sid: RunTasks
                Effect: Allow
                Action: ecs:RunTask
                Resource: !Ref Task
                Condition:
                  ArnEquals:
                    ecs:cluster: !GetAtt Cluster.Arn
              - Sid: FollowTasks
                Effect: Allow
                Action:
                  - ecs:DescribeTasks
                  - ecs:StopTask
                Resource: !Sub "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task/${Cluster}/*"
              - Sid: GiveRoles
                Effect: Allow
                Action: iam:PassRole
                Resource:
                  - !GetAtt Role.Arn
                  - !GetAtt StartRole.Arn
                Condition:
                  StringEquals:
                    iam:PassedToService: ecs-tasks.amazonaws.com
              - Sid: LearnOfEnds
                Effect: Allow
                Action:
                  - events:DescribeRule
                  - events:PutRule
                  - events:PutTargets
                Resource: !Sub "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/StepFunctionsGetEventsForECSTaskRule"
"#;

pub(super) fn template(definition: &str, scan: &str, publish: &str) -> String {
    let machine = machine(definition, RUN_TASKS);
    format!(
        r#"# {GENERATED_BY}
# Deploy in the management account or a delegated administrator's. README.md beside this file describes the steps before it.
AWSTemplateFormatVersion: "2010-09-09"
Description: Doorward, distributed over ECS tasks by Step Functions.

Parameters:
  Image:
    Type: String
    Description: The image with the program and doorward.toml, in a repository of this account whose name begins with doorward.
  Architecture:
    Type: String
    Default: ARM64
    AllowedValues:
      - ARM64
      - X86_64
    Description: The architecture of the image.
  Vpc:
    Type: AWS::EC2::VPC::Id
    Description: The VPC of the tasks.
  SubnetA:
    Type: AWS::EC2::Subnet::Id
    Description: A subnet with a route to AWS's endpoints.
  SubnetB:
    Type: AWS::EC2::Subnet::Id
    Description: A subnet in another Availability Zone.
  PublicIp:
    Type: String
    Default: DISABLED
    AllowedValues:
      - ENABLED
      - DISABLED
    Description: Whether tasks have public addresses, for subnets without NAT and endpoints. Nothing can connect to them either way.
  Cpu:
    Type: String
    Default: "1024"
    AllowedValues:
      - "512"
      - "1024"
      - "2048"
      - "4096"
    Description: CPU units of each task.
  Memory:
    Type: String
    Default: "4096"
    Description: Memory of each task in MB, one of the values that the CPU units allow. The merge keeps the whole report in memory, about 10 KB for each load balancer.
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
              Service: ecs-tasks.amazonaws.com
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
{publish}        - PolicyName: task
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
{FILES}  # The role that ECS needs to start the task.
  StartRole:
    Type: AWS::IAM::Role
    Properties:
      Description: Starts Doorward's tasks and writes their logs
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              Service: ecs-tasks.amazonaws.com
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                aws:SourceAccount: !Ref AWS::AccountId
      Policies:
        - PolicyName: start
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Sid: Log
                Effect: Allow
                Action:
                  - logs:CreateLogStream
                  - logs:PutLogEvents
                Resource: !GetAtt Log.Arn
              - Sid: EnterRegistry
                Effect: Allow
                Action: ecr:GetAuthorizationToken
                Resource: "*"
              - Sid: PullImages
                Effect: Allow
                Action:
                  - ecr:BatchCheckLayerAvailability
                  - ecr:BatchGetImage
                  - ecr:GetDownloadUrlForLayer
                Resource: !Sub "arn:${{AWS::Partition}}:ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/doorward*"
  Log:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: /ecs/doorward-task
      RetentionInDays: !Ref LogDays
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: Tasks of Doorward, which call AWS and accept no connection
      VpcId: !Ref Vpc
      SecurityGroupEgress:
        - Description: Endpoints of AWS and the registry
          IpProtocol: tcp
          FromPort: 443
          ToPort: 443
          CidrIp: 0.0.0.0/0
  Cluster:
    Type: AWS::ECS::Cluster
    Properties:
      ClusterName: doorward
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: doorward-task
      RequiresCompatibilities:
        - FARGATE
      NetworkMode: awsvpc
      Cpu: !Ref Cpu
      Memory: !Ref Memory
      RuntimePlatform:
        CpuArchitecture: !Ref Architecture
        OperatingSystemFamily: LINUX
      TaskRoleArn: !GetAtt Role.Arn
      ExecutionRoleArn: !GetAtt StartRole.Arn
      ContainerDefinitions:
        - Name: doorward
          Image: !Ref Image
          Essential: true
          # When the program is stopped, it needs some time to write its results.
          StopTimeout: 60
          Environment:
            - Name: DOORWARD_LEDGER__PATH
              Value: !Sub "s3://${{Bucket}}/ledger.sqlite"
            # Parts of one run are merged within this time.
            - Name: DOORWARD_SCAN__RESUME_WITHIN
              Value: 8h
          LogConfiguration:
            LogDriver: awslogs
            Options:
              awslogs-group: !Ref Log
              awslogs-region: !Ref AWS::Region
              awslogs-stream-prefix: task
{machine}{ALARMS}
Outputs:
  Machine:
    Value: !Ref Machine
  Bucket:
    Value: !Ref Bucket
"#
    )
}
