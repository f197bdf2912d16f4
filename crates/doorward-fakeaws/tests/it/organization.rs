//! Organizations and Account Management: the organization, lists with empty pages, permissions to read them, Regions.

use serde_json::{Value, json};

use super::client::{APP, Client, MANAGEMENT, ORGANIZATIONS, STS, organization_with, start, start_with};

/// Follows NextToken to the end; also returns the number of empty pages.
async fn walk(client: &Client, action: &str, mut body: Value, field: &str) -> (Vec<Value>, usize) {
    let (mut all, mut empty) = (Vec::new(), 0);
    loop {
        let answer = client.call(ORGANIZATIONS, action, body.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let page = answer.json();
        let items = page[field].as_array().unwrap();
        empty += usize::from(items.is_empty());
        all.extend(items.iter().cloned());
        match page.get("NextToken") {
            Some(token) => body["NextToken"] = token.clone(),
            None => return (all, empty),
        }
    }
}

#[tokio::test]
async fn describes_the_organization_and_its_accounts() {
    let (_server, client) = start().await;
    let described = client.call(ORGANIZATIONS, "DescribeOrganization", json!({})).await.json();
    assert_eq!(described["Organization"]["Id"], "o-test000001");
    assert_eq!(described["Organization"]["MasterAccountId"], "000000000001");

    let account = client.call(ORGANIZATIONS, "DescribeAccount", json!({"AccountId": APP})).await.json();
    let account = &account["Account"];
    assert_eq!(account["Arn"], "arn:aws:organizations::000000000001:account/o-test000001/111111111111");
    assert_eq!(account["State"], "ACTIVE");
    assert_eq!(account.get("Status"), None);
    let path = account["Paths"][0].as_str().unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    assert_eq!((parts.len(), parts[0], parts[4]), (6, "o-test000001", APP), "{path}");

    let parents = client.call(ORGANIZATIONS, "ListParents", json!({"ChildId": APP})).await.json();
    assert_eq!(parents["Parents"][0]["Id"], parts[3]);
    assert_eq!(parents["Parents"][0]["Type"], "ORGANIZATIONAL_UNIT");

    let tags = client.call(ORGANIZATIONS, "ListTagsForResource", json!({"ResourceId": APP})).await.json();
    assert_eq!(tags["Tags"], json!([{"Key": "empty", "Value": ""}, {"Key": "owner", "Value": "web"}]));
}

#[tokio::test]
async fn the_tree_can_be_walked_from_the_root() {
    let (_server, client) = start_with(&organization_with("quotas = false"), |_| ()).await;
    let (roots, _) = walk(&client, "ListRoots", json!({}), "Roots").await;
    let root = roots[0]["Id"].as_str().unwrap();
    let (units, _) =
        walk(&client, "ListOrganizationalUnitsForParent", json!({"ParentId": root}), "OrganizationalUnits").await;
    assert_eq!(units.len(), 1);
    let work = units[0]["Id"].as_str().unwrap();
    let (children, _) =
        walk(&client, "ListChildren", json!({"ParentId": work, "ChildType": "ACCOUNT"}), "Children").await;
    assert_eq!(children, [json!({"Id": "222222222222", "Type": "ACCOUNT"})]);
    let (accounts, _) = walk(&client, "ListAccountsForParent", json!({"ParentId": root}), "Accounts").await;
    assert_eq!(accounts.len(), 2);
    let unit =
        client.call(ORGANIZATIONS, "DescribeOrganizationalUnit", json!({"OrganizationalUnitId": work})).await.json();
    assert_eq!(unit["OrganizationalUnit"]["Name"], "Work");
}

#[tokio::test]
async fn empty_pages_lose_nothing() {
    for page_size in [1, 2, 50] {
        let world = organization_with(&format!("empty_pages = true\nquotas = false\npage_size = {page_size}"));
        let (_server, client) = start_with(&world, |_| ()).await;
        let (accounts, empty) = walk(&client, "ListAccounts", json!({"MaxResults": 2}), "Accounts").await;
        assert_eq!(accounts.len(), 4);
        assert!(empty > 0);
    }
}

#[tokio::test]
async fn older_responses_carry_status_and_no_paths() {
    let (_server, client) = start_with(&organization_with("legacy_status = true\npaths = false"), |_| ()).await;
    let (accounts, _) = walk(&client, "ListAccounts", json!({}), "Accounts").await;
    let closed = accounts.iter().find(|account| account["Id"] == "222222222222").unwrap();
    assert_eq!((&closed["Status"], closed.get("Paths")), (&json!("SUSPENDED"), None));
}

#[tokio::test]
async fn errors_are_those_of_the_service() {
    let (_server, client) = start().await;
    let member = client.assume(APP, "scan", &[]).await;
    let cases = [
        (&client, "ListAccounts", json!({"MaxResults": 21}), "InvalidInputException"),
        (&client, "ListAccounts", json!({"NextToken": "nonsense"}), "InvalidInputException"),
        (&client, "DescribeAccount", json!({"AccountId": "999999999999"}), "AccountNotFoundException"),
        (&client, "ListParents", json!({"ChildId": "999999999999"}), "ChildNotFoundException"),
        (&client, "ListTagsForResource", json!({"ResourceId": "x"}), "TargetNotFoundException"),
        (&client, "ListAccountsForParent", json!({"ParentId": "r-none"}), "ParentNotFoundException"),
        (&client, "CreateAccount", json!({}), "UnknownOperationException"),
        // A member reads the organization itself, but not its accounts.
        (&member, "DescribeAccount", json!({"AccountId": APP}), "AccessDeniedException"),
        (&member, "ListAccounts", json!({}), "AccessDeniedException"),
    ];
    for (who, action, body, code) in cases {
        let answer = who.call(ORGANIZATIONS, action, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{action}");
        assert!(answer.head.contains("x-amzn-requestid: "), "{}", answer.head);
    }
    let own = member.call(ORGANIZATIONS, "DescribeOrganization", json!({})).await;
    assert_eq!(own.status, 200);
    let identity = member.query(STS, "GetCallerIdentity", &[]).await;
    assert_eq!(identity.one("Arn"), "arn:aws:sts::111111111111:assumed-role/scan/test");
}

#[tokio::test]
async fn regions_are_per_account() {
    let (_server, client) = start().await;
    let app = client.assume(APP, "scan", &[]).await;
    let security = client.assume("000000000002", "scan", &[]).await;
    let listed = |answer: super::client::Answer| -> Vec<(String, String)> {
        let regions = answer.json()["Regions"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        regions.iter().map(|region| (text(&region["RegionName"]), text(&region["RegionOptStatus"]))).collect()
    };
    let all = listed(app.list_regions(json!({})).await);
    assert_eq!(all[2], ("af-south-1".to_owned(), "ENABLED".to_owned()));
    let all = listed(security.list_regions(json!({})).await);
    assert_eq!(all[2], ("af-south-1".to_owned(), "DISABLED".to_owned()));
    let body = json!({"RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"], "MaxResults": 1});
    let first = security.list_regions(body.clone()).await.json();
    assert_eq!(first["Regions"].as_array().unwrap().len(), 1);
    let mut next = body;
    next["NextToken"] = first["NextToken"].clone();
    let second = security.list_regions(next).await.json();
    assert_eq!((&second["Regions"][0]["RegionName"], second.get("NextToken")), (&json!("us-east-1"), None));

    let refused = security.list_regions(json!({"MaxResults": 51})).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "ValidationException"));
    let refused = app.list_regions(json!({"AccountId": "000000000002"})).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "AccessDeniedException"));
    assert!(refused.head.contains("x-amzn-errortype: AccessDeniedException"));
    let management = client.key(MANAGEMENT);
    assert_eq!(management.list_regions(json!({"AccountId": "000000000001"})).await.status, 403);
    assert_eq!(listed(management.list_regions(json!({"AccountId": APP})).await)[2].1, "ENABLED");
}
