//! EventBridge: changes to load balancers as they happen, of both generations, on one bus.
//!
//! An event says that an attribute was written, not what it is now: elements of a pattern about a list are not tied to each
//! other, and a new load balancer's event carries no attributes. `doorward event` reads again what it is about.

use super::{AGAIN, Document};

/// The rule for every Region and account, and the bus that takes its events.
pub(super) fn documents(bus_arn: Option<&str>, organization_id: Option<&str>) -> Vec<Document> {
    let default = |value: Option<&str>| value.map(|value| format!("    Default: \"{value}\"\n")).unwrap_or_default();
    let rule = format!(
        r#"# {AGAIN}
# Deploy as a StackSet to every account and every Region with load balancers, and as a plain stack in the management account,
# which no service-managed StackSet reaches. It needs a CloudTrail trail in the Region. The pattern fits both generations of
# load balancers, whose calls have the same names. A new load balancer begins in defensive mode, and its event names no mode.
AWSTemplateFormatVersion: "2010-09-09"
Description: Sends changes to load balancers to Doorward's event bus.

Parameters:
  BusArn:
    Type: String
{bus}    Description: ARN of the event bus that takes them.
    AllowedPattern: "^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{{12}}:event-bus/.+$"

Resources:
  Sender:
    Type: AWS::IAM::Role
    Properties:
      Description: Lets EventBridge send changes to load balancers to Doorward's event bus
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              Service: events.amazonaws.com
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                aws:SourceAccount: !Ref AWS::AccountId
      Policies:
        - PolicyName: send
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: events:PutEvents
                Resource: !Ref BusArn
  Changes:
    Type: AWS::Events::Rule
    Properties:
      Name: doorward-load-balancer-changes
      Description: Load balancers that were made, changed or deleted
      State: ENABLED
      EventPattern:
        source:
          - aws.elasticloadbalancing
        detail-type:
          - AWS API Call via CloudTrail
        detail:
          eventSource:
            - elasticloadbalancing.amazonaws.com
          eventName:
            - ModifyLoadBalancerAttributes
            - CreateLoadBalancer
            - DeleteLoadBalancer
          errorCode:
            - exists: false
      Targets:
        - Id: doorward
          Arn: !Ref BusArn
          RoleArn: !GetAtt Sender.Arn
"#,
        bus = default(bus_arn),
    );
    let bus = format!(
        r#"# {AGAIN}
# Deploy once, in the account and Region where Doorward runs. A function that takes events as they come is in examples/lambda;
# the queue keeps for two weeks what came, and `doorward event` takes in each of its messages.
AWSTemplateFormatVersion: "2010-09-09"
Description: The event bus that takes changes to load balancers from the whole organization.

Parameters:
  OrganizationId:
    Type: String
{organization}    Description: Organization whose accounts may send (o-...).
    AllowedPattern: "^o-[a-z0-9]{{10,32}}$"

Resources:
  Bus:
    Type: AWS::Events::EventBus
    Properties:
      Name: doorward
      Description: Changes to load balancers, from the whole organization
      Policy:
        Version: "2012-10-17"
        Statement:
          - Sid: Organization
            Effect: Allow
            Principal: "*"
            Action: events:PutEvents
            Resource: !Sub "arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:event-bus/doorward"
            Condition:
              StringEquals:
                aws:PrincipalOrgID: !Ref OrganizationId
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      MessageRetentionPeriod: 1209600
      SqsManagedSseEnabled: true
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues:
        - !Ref Queue
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Sid: Bus
            Effect: Allow
            Principal:
              Service: events.amazonaws.com
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
            Condition:
              ArnEquals:
                aws:SourceArn: !GetAtt Keep.Arn
  Keep:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      State: ENABLED
      EventPattern:
        source:
          - aws.elasticloadbalancing
      Targets:
        - Id: queue
          Arn: !GetAtt Queue.Arn

Outputs:
  BusArn:
    Value: !GetAtt Bus.Arn
  QueueUrl:
    Value: !Ref Queue
"#,
        organization = default(organization_id),
    );
    vec![
        Document { name: "drift.rule.yaml".to_owned(), text: rule },
        Document { name: "drift.bus.yaml".to_owned(), text: bus },
    ]
}
