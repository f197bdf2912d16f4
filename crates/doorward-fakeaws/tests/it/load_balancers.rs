//! Elastic Load Balancing, both generations, and log deliveries.

use std::collections::BTreeSet;

use doorward_fakeaws::DESYNC_MODE;
use serde_json::json;

use super::client::{APP, Client, ELB, ELBV2, LOGS, WORLD, start, start_with};

async fn member() -> (doorward_fakeaws::Server, Client) {
    let (server, client) = start_with(&WORLD.replacen("opt_in", "quotas = false\nopt_in", 1), |_| ()).await;
    let session = client.assume(APP, "scan", &[]).await;
    (server, session)
}

#[tokio::test]
async fn lists_page_by_page() {
    for (service, tag, expected) in [(ELBV2, "LoadBalancerName", 6_usize), (ELB, "LoadBalancerName", 3)] {
        let (_server, client) = member().await;
        let (mut names, mut marker, mut pages) = (BTreeSet::new(), None::<String>, 0);
        loop {
            let mut parameters = vec![("PageSize", "2")];
            if let Some(marker) = &marker {
                parameters.push(("Marker", marker));
            }
            let answer = client.query(service, "DescribeLoadBalancers", &parameters).await;
            names.extend(answer.all(tag));
            pages += 1;
            marker = answer.all("NextMarker").pop();
            if marker.is_none() {
                break;
            }
        }
        assert_eq!((names.len(), pages), (expected, expected.div_ceil(2)));
        for (name, value) in [("PageSize", "401"), ("PageSize", "0"), ("PageSize", "x"), ("Marker", "x")] {
            let answer = client.query(service, "DescribeLoadBalancers", &[(name, value)]).await;
            assert_eq!((answer.status, answer.code().as_str()), (400, "ValidationError"), "{name}={value}");
        }
    }
}

#[tokio::test]
async fn a_page_survives_a_deletion() {
    let (server, client) = member().await;
    let first = client.query(ELBV2, "DescribeLoadBalancers", &[("PageSize", "2")]).await;
    let gone = first.all("LoadBalancerName").pop().unwrap();
    assert!(server.world().remove_load_balancer(APP, "eu-west-1", &gone));
    let rest = client.query(ELBV2, "DescribeLoadBalancers", &[("Marker", &first.one("NextMarker"))]).await;
    assert_eq!(rest.all("LoadBalancerName").len(), 4);
}

#[tokio::test]
async fn attributes_are_awss_defaults_and_the_differences() {
    let (server, client) = member().await;
    let arn = server.world().arn(APP, "eu-west-1", "web-1").unwrap();
    let answer = client.query(ELBV2, "DescribeLoadBalancerAttributes", &[("LoadBalancerArn", &arn)]).await;
    let (keys, values) = (answer.all("Key"), answer.all("Value"));
    let pairs: Vec<_> = keys.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
    assert_eq!(pairs.len(), 23);
    for pair in [
        (DESYNC_MODE, "monitor"),
        ("routing.http.drop_invalid_header_fields.enabled", "false"),
        ("access_logs.s3.bucket", ""),
        ("client_keep_alive.seconds", "3600"),
    ] {
        assert!(pairs.contains(&pair), "{pair:?}");
    }
    let net = server.world().arn(APP, "eu-west-1", "net").unwrap();
    let answer = client.query(ELBV2, "DescribeLoadBalancerAttributes", &[("LoadBalancerArn", &net)]).await;
    assert!(!answer.all("Key").iter().any(|key| key == DESYNC_MODE));
}

#[tokio::test]
async fn attributes_can_be_absent_or_unknown() {
    let world = format!(
        "{WORLD}\n[[load_balancer]]\naccount = \"{APP}\"\nregion = \"us-east-1\"\nname = \"mute\"\n\
         omit_attributes = [\"{DESYNC_MODE}\"]\n[[load_balancer]]\naccount = \"{APP}\"\nregion = \"us-east-1\"\n\
         name = \"odd\"\nmode = \"relaxed\"\nattributes = {{ \"routing.http9.enabled\" = \"true\" }}\n"
    );
    let (server, client) = start_with(&world, |_| ()).await;
    let client = client.assume(APP, "scan", &[]).await.region("us-east-1");
    let arn = |name| server.world().arn(APP, "us-east-1", name).unwrap();
    let answer = client.query(ELBV2, "DescribeLoadBalancerAttributes", &[("LoadBalancerArn", &arn("mute"))]).await;
    assert_eq!((answer.all("Key").len(), answer.all("Key").contains(&DESYNC_MODE.to_owned())), (22, false));
    let answer = client.query(ELBV2, "DescribeLoadBalancerAttributes", &[("LoadBalancerArn", &arn("odd"))]).await;
    assert!(answer.all("Value").contains(&"relaxed".to_owned()));
    assert!(answer.all("Key").contains(&"routing.http9.enabled".to_owned()));
}

#[tokio::test]
async fn tags_are_escaped_and_limited() {
    let (server, client) = member().await;
    let arn = server.world().arn(APP, "eu-west-1", "web-2").unwrap();
    let answer = client.query(ELBV2, "DescribeTags", &[("ResourceArns.member.1", &arn)]).await;
    assert_eq!(answer.one("Key"), "owner ");
    assert_eq!(answer.one("Value"), "<a> & \"b\" 'c'\ttab");
    assert!(answer.body.contains("&lt;a&gt; &amp; &quot;b&quot;"));

    let names: Vec<String> = (1..=21).map(|number| format!("ResourceArns.member.{number}")).collect();
    let many = |count: usize| names.iter().take(count).map(|name| (name.as_str(), arn.as_str())).collect::<Vec<_>>();
    assert_eq!(client.query(ELBV2, "DescribeTags", &many(20)).await.status, 200);
    assert_eq!(client.query(ELBV2, "DescribeTags", &many(21)).await.code(), "ValidationError");
    assert_eq!(client.query(ELBV2, "DescribeTags", &[]).await.code(), "ValidationError");
    let mut mixed = many(2);
    mixed.push(("ResourceArns.member.3", "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/x/00"));
    let answer = client.query(ELBV2, "DescribeTags", &mixed).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "LoadBalancerNotFound"));
}

#[tokio::test]
async fn other_accounts_and_regions_are_invisible() {
    let (server, client) = member().await;
    let arn = server.world().arn(APP, "eu-west-1", "web-1").unwrap();
    let away = client.region("us-east-1");
    let answer = away.query(ELBV2, "DescribeLoadBalancerAttributes", &[("LoadBalancerArn", &arn)]).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "LoadBalancerNotFound"));
    assert!(away.query(ELBV2, "DescribeLoadBalancers", &[]).await.all("LoadBalancerArn").is_empty());
    let by_name = client.query(ELBV2, "DescribeLoadBalancers", &[("Names.member.1", "web-1")]).await;
    assert_eq!(by_name.one("LoadBalancerArn"), arn);
    let by_arn = client.query(ELBV2, "DescribeLoadBalancers", &[("LoadBalancerArns.member.1", &arn)]).await;
    assert_eq!((by_arn.one("LoadBalancerName").as_str(), by_arn.one("Type").as_str()), ("web-1", "application"));
    let none = client.query(ELBV2, "DescribeLoadBalancers", &[("Names.member.1", "nope")]).await;
    assert_eq!(none.code(), "LoadBalancerNotFound");
}

#[tokio::test]
async fn modify_checks_everything_first_and_returns_everything() {
    let (server, client) = member().await;
    let (web, net) =
        (server.world().arn(APP, "eu-west-1", "web-1").unwrap(), server.world().arn(APP, "eu-west-1", "net").unwrap());
    let refused = [
        (&web, DESYNC_MODE, "relaxed"),
        (&web, "routing.http.unheard", "true"),
        (&web, "idle_timeout.timeout_seconds", "4001"),
        (&web, "routing.http2.enabled", "yes"),
        (&net, DESYNC_MODE, "strictest"),
    ];
    for (arn, key, value) in refused {
        let parameters = [
            ("LoadBalancerArn", arn.as_str()),
            ("Attributes.member.1.Key", "deletion_protection.enabled"),
            ("Attributes.member.1.Value", "true"),
            ("Attributes.member.2.Key", key),
            ("Attributes.member.2.Value", value),
        ];
        let answer = client.query(ELBV2, "ModifyLoadBalancerAttributes", &parameters).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidConfigurationRequest"), "{key}={value}");
    }
    let world = server.world();
    let protection = world.attribute(APP, "eu-west-1", "web-1", "deletion_protection.enabled");
    assert_eq!(protection.as_deref(), Some("false"), "a refused call changes nothing");
    let parameters = [
        ("LoadBalancerArn", web.as_str()),
        ("Attributes.member.1.Key", DESYNC_MODE),
        ("Attributes.member.1.Value", "strictest"),
    ];
    let answer = client.query(ELBV2, "ModifyLoadBalancerAttributes", &parameters).await;
    assert_eq!(answer.all("Key").len(), 23);
    assert!(answer.all("Value").contains(&"strictest".to_owned()));
    assert_eq!(world.attribute(APP, "eu-west-1", "web-1", DESYNC_MODE).as_deref(), Some("strictest"));
    let parameters = [
        ("LoadBalancerArn", web.as_str()),
        ("Attributes.member.1.Key", "idle_timeout.timeout_seconds"),
        ("Attributes.member.1.Value", "90"),
    ];
    client.query(ELBV2, "ModifyLoadBalancerAttributes", &parameters).await;
    let kept = world.attribute(APP, "eu-west-1", "web-1", DESYNC_MODE);
    assert_eq!(kept.as_deref(), Some("strictest"), "attributes that are not named keep their values");
    let untouched = world.attribute(APP, "eu-west-1", "web-2", DESYNC_MODE);
    assert_eq!(untouched.as_deref(), Some("monitor"), "load balancers declared alike are still separate");
}

#[tokio::test]
async fn listeners() {
    let (server, client) = member().await;
    let arn = server.world().arn(APP, "eu-west-1", "web-1").unwrap();
    let answer = client.query(ELBV2, "DescribeListeners", &[("LoadBalancerArn", &arn)]).await;
    assert_eq!(
        (answer.all("Protocol"), answer.all("Port")),
        (vec!["HTTP".into(), "HTTPS".into()], vec!["80".into(), "443".into()])
    );
    let first = client.query(ELBV2, "DescribeListeners", &[("LoadBalancerArn", &arn), ("PageSize", "1")]).await;
    let marker = first.one("NextMarker");
    let second = client
        .query(ELBV2, "DescribeListeners", &[("LoadBalancerArn", &arn), ("PageSize", "1"), ("Marker", &marker)])
        .await;
    assert_eq!((second.one("Port").as_str(), second.all("NextMarker").len()), ("443", 0));
    let none = client.query(ELBV2, "DescribeListeners", &[]).await;
    assert_eq!(none.code(), "ValidationError");
}

#[tokio::test]
async fn classic_load_balancers() {
    let (server, client) = member().await;
    let listed = client.query(ELB, "DescribeLoadBalancers", &[("LoadBalancerNames.member.1", "old-1")]).await;
    assert_eq!(listed.all("Protocol"), ["HTTP", "TCP"]);
    assert!(listed.body.contains("http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"));
    let name = [("LoadBalancerName", "old-1")];
    let described = client.query(ELB, "DescribeLoadBalancerAttributes", &name).await;
    assert_eq!(
        (described.one("Key").as_str(), described.one("Value").as_str()),
        ("elb.http.desyncmitigationmode", "strictest")
    );
    let tags = client.query(ELB, "DescribeTags", &[("LoadBalancerNames.member.1", "old-1")]).await;
    assert_eq!((tags.one("LoadBalancerName").as_str(), tags.one("Value").as_str()), ("old-1", "old"));
    let missing = client.query(ELB, "DescribeLoadBalancerAttributes", &[("LoadBalancerName", "none")]).await;
    assert_eq!((missing.status, missing.code().as_str()), (400, "LoadBalancerNotFound"));

    let modify = |key: &'static str, value: &'static str| {
        let client = client.clone();
        async move {
            let parameters = [
                ("LoadBalancerName", "old-1"),
                ("LoadBalancerAttributes.AdditionalAttributes.member.1.Key", key),
                ("LoadBalancerAttributes.AdditionalAttributes.member.1.Value", value),
            ];
            client.query(ELB, "ModifyLoadBalancerAttributes", &parameters).await
        }
    };
    let refused = modify("elb.http.desyncmitigationmode", "relaxed").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "InvalidConfigurationRequest"));
    assert_eq!(modify("elb.http.other", "x").await.code(), "LoadBalancerAttributeNotFound");
    assert_eq!(modify("elb.http.desyncmitigationmode", "monitor").await.status, 200);
    let now = server.world().attribute(APP, "eu-west-1", "old-1", "elb.http.desyncmitigationmode");
    assert_eq!(now.as_deref(), Some("monitor"));
}

#[tokio::test]
async fn deliveries_join_on_the_arn() {
    let world = format!(
        "{WORLD}\n[[load_balancer]]\naccount = \"{APP}\"\nregion = \"us-east-1\"\nname = \"logged\"\nvended_logs = true\ncount = 3\n"
    );
    let (server, client) = start_with(&world, |_| ()).await;
    let client = client.assume(APP, "scan", &[]).await.region("us-east-1");
    let arn = server.world().arn(APP, "us-east-1", "logged-2").unwrap();
    let page = client.call(LOGS, "DescribeDeliverySources", json!({"limit": 2})).await.json();
    assert_eq!(page["deliverySources"].as_array().unwrap().len(), 2);
    let rest =
        client.call(LOGS, "DescribeDeliverySources", json!({"limit": 2, "nextToken": page["nextToken"]})).await.json();
    assert_eq!((rest["deliverySources"].as_array().unwrap().len(), rest.get("nextToken")), (1, None));
    let one = client.call(LOGS, "DescribeDeliverySources", json!({"resourceArns": [arn]})).await.json();
    let source = &one["deliverySources"][0];
    assert_eq!((&source["logType"], &source["resourceArns"][0]), (&json!("ALB_ACCESS_LOGS"), &json!(arn)));
    let deliveries =
        client.call(LOGS, "DescribeDeliveries", json!({"deliverySourceNames": [source["name"]]})).await.json();
    assert_eq!(deliveries["deliveries"][0]["deliverySourceName"], source["name"]);
    let (_server, elsewhere) = start().await;
    let nothing = elsewhere.assume(APP, "scan", &[]).await.call(LOGS, "DescribeDeliveries", json!({})).await.json();
    assert_eq!(nothing, json!({"deliveries": []}));
}
