//! Which of several servers is asked, and what happens when it does not answer.

use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::matchers::MatcherSet;
use crate::config::module::{NoFields, slot};
use serde::{Deserialize, Serialize};

/// Which server is asked, and how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadBalancing {
    /// How one is chosen; by chance when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection_policy: Option<SelectionPolicy>,
    /// How often another one is tried. When 0, as `try_duration` says.
    #[serde(skip_serializing_if = "is_default")]
    pub retries: i64,
    /// How long others are tried; not at all when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub try_duration: Duration,
    /// The pause between two tries; 250 ms when 0 and `try_duration` is not.
    #[serde(skip_serializing_if = "is_default")]
    pub try_interval: Duration,
    /// Which requests may be sent again after they may have had an effect; GET when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub retry_match: Vec<MatcherSet>,
}

/// How a server is chosen among those that are fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum SelectionPolicy {
    /// By the address of the client, behind trusted proxies.
    ClientIpHash(NoFields),
    /// By a cookie that is set with the first answer.
    Cookie(CookiePolicy),
    /// The first.
    First(NoFields),
    /// By a header field.
    Header(HeaderPolicy),
    /// By the address of the peer.
    IpHash(NoFields),
    /// The one with the fewest requests.
    LeastConn(NoFields),
    /// By a key of the query.
    Query(QueryPolicy),
    /// By chance.
    Random(NoFields),
    /// The one with the fewest requests among some that chance has picked.
    RandomChoose(RandomChoosePolicy),
    /// In turn.
    RoundRobin(NoFields),
    /// By the URI.
    UriHash(NoFields),
    /// In turn, some more often.
    WeightedRoundRobin(WeightedRoundRobinPolicy),
}

slot!(SelectionPolicy, "http.reverse_proxy.selection_policies", "policy");

/// `cookie`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CookiePolicy {
    /// The cookie's name; `lb` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// What its value is hashed with.
    #[serde(skip_serializing_if = "is_default")]
    pub secret: String,
    /// How long it lasts; as long as the browser runs when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub max_age: Duration,
    /// How one is chosen without it; by chance when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Box<SelectionPolicy>>,
}

/// `header`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderPolicy {
    /// The field's name.
    #[serde(skip_serializing_if = "is_default")]
    pub field: String,
    /// How one is chosen without it; by chance when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Box<SelectionPolicy>>,
}

/// `query`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryPolicy {
    /// The key.
    #[serde(skip_serializing_if = "is_default")]
    pub key: String,
    /// How one is chosen without it; by chance when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Box<SelectionPolicy>>,
}

/// `random_choose`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandomChoosePolicy {
    /// How many chance picks; 2 when 0, and never fewer.
    #[serde(skip_serializing_if = "is_default")]
    pub choose: i64,
}

/// `weighted_round_robin`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightedRoundRobinPolicy {
    /// How often in a row each server is asked, in the order of the servers.
    #[serde(skip_serializing_if = "is_default")]
    pub weights: Vec<i64>,
}
