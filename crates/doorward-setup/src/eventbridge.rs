//! EventBridge: CloudTrail's events of changes to load balancers of both generations, on one event bus.
//!
//! A pattern cannot select by the new mode: its elements about a list are independent of each other, and the event of a new load
//! balancer carries no attributes. `doorward event` therefore reads the load balancer that an event names.

use crate::{GENERATED_BY, GeneratedFile, SetupError, validate};

/// Values that become defaults of the templates' parameters.
#[derive(Debug, Clone, Default)]
pub struct EventBusRequest {
    /// The ARN of the event bus that receives the events.
    pub bus_arn: Option<String>,
    /// The organization whose accounts may send events to the bus.
    pub organization_id: Option<String>,
}

/// The rule for every account and Region, and the bus that receives its events.
///
/// # Errors
/// The ARN or the organization's id has another form.
pub fn eventbridge(request: &EventBusRequest) -> Result<Vec<GeneratedFile>, SetupError> {
    if let Some(arn) = &request.bus_arn {
        let expected = "the ARN of an event bus (arn:aws:events:eu-west-1:111122223333:event-bus/NAME)";
        validate::check("--bus-arn", arn, validate::is_bus, expected)?;
    }
    if let Some(id) = &request.organization_id {
        validate::check("--organization-id", id, validate::is_organization, "the id of an organization (o-...)")?;
    }
    let default =
        |value: &Option<String>| value.as_ref().map(|value| format!("    Default: \"{value}\"\n")).unwrap_or_default();
    let rule = format!(
        r#"# {GENERATED_BY}
# Deploy as a StackSet to every account and Region with load balancers, and as a stack in the management account, which
# service-managed StackSets do not reach. The Region needs a CloudTrail trail. The pattern matches both generations of load
# balancers, whose API calls have the same names. A new load balancer starts in defensive mode; its event contains no mode.
AWSTemplateFormatVersion: "2010-09-09"
Description: Sends changes to load balancers to Doorward's event bus.

Parameters:
  BusArn:
    Type: String
{bus}    Description: ARN of the event bus that receives the events.
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
      Description: Load balancers that were created, changed or deleted
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
        bus = default(&request.bus_arn),
    );
    let bus = format!(
        r#"# {GENERATED_BY}
# Deploy once, in the account and Region where Doorward runs. examples/lambda contains a function that handles events as they
# arrive; the queue keeps events for two weeks, and `doorward event` accepts each of its messages.
AWSTemplateFormatVersion: "2010-09-09"
Description: The event bus that receives changes to load balancers from the whole organization.

Parameters:
  OrganizationId:
    Type: String
{organization}    Description: Organization whose accounts may send events (o-...).
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
        organization = default(&request.organization_id),
    );
    Ok(vec![
        GeneratedFile { name: "eventbridge.rule.yaml".to_owned(), text: rule },
        GeneratedFile { name: "eventbridge.bus.yaml".to_owned(), text: bus },
    ])
}
