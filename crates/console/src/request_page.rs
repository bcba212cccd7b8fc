//! A request as its deep link shows it. It is decided by `custos approve`, with the approver's own key.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use custos_approvals::{Approver, RequestKind, View};
use custos_identity::ADMINISTRATORS;
use custos_model::RequestId;
use maud::{Markup, html};

use crate::console::Console;
use crate::page::{page, problem};

/// `GET /requests/ID`
pub(crate) async fn show(
    State(console): State<Console>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let Some(present) = console.present(&headers).await else {
        return Redirect::to("/sign-in").into_response();
    };
    let Ok(id) = id.parse::<RequestId>() else {
        return gone();
    };
    let principal = present.sign_in.principal;
    let sees_all = principal.groups.iter().any(|group| group == ADMINISTRATORS);
    let approver = Approver {
        principal,
        sign_in: present.sign_in.id,
    };
    let view = console
        .approvals(move |approvals| approvals.view(id, &approver, sees_all))
        .await;
    match view {
        Ok(view) => page(title(&view), &content(&view)).into_response(),
        Err(_) => gone(),
    }
}

/// Who may not see it does not learn whether it is there.
fn gone() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        "No such request",
        "It has ended, or it is not yours to see. What became of it is in the evidence.",
    )
}

fn title(view: &View) -> &'static str {
    match view.request.kind {
        RequestKind::Operation => "A statement waits",
        RequestKind::Grant => "Somebody asks for a right",
        RequestKind::BreakGlass => "A right was taken without approval",
    }
}

fn content(view: &View) -> Markup {
    let request = &view.request;
    let chain: Vec<&str> = request
        .on_behalf_of
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let groups: Vec<&str> = request.groups().into_iter().collect();
    html! {
        @if view.is_overdue {
            p role="alert" { "Its review is overdue." }
        }
        dl {
            dt { "By" } dd { (request.requester.name) " (" (request.requester.issuer) ")" }
            @if !chain.is_empty() {
                dt { "For" } dd { (chain.join(", ")) }
            }
            dt { "Resource" } dd { (request.resource) }
            dt { "Does" } dd { (request.verbs.join(", ")) }
            @if !request.objects.is_empty() {
                dt { "On" } dd { (request.objects.join(", ")) }
            }
            dt { "Rules" } dd { (request.rules.join(", ")) }
            dt { "Decided by" } dd { (groups.join(", ")) }
            @if let Some(seconds) = request.seconds {
                dt { "Lasts" } dd { (seconds / 60) " min" }
            }
            @if let Some(ticket) = &request.ticket {
                dt { "Ticket" } dd { (ticket) }
            }
            dt { "Why" } dd { (request.justification.as_deref().unwrap_or("nobody has said yet")) }
            dt { "Until" } dd { (request.expires.get(..19).unwrap_or_default()) " UTC" }
            @if !view.approved_by.is_empty() {
                dt { "Agreed" } dd { (view.approved_by.join(", ")) }
            }
            @if !view.waits_for.is_empty() {
                dt { "State" } dd { (view.waits_for) }
            }
        }
        @if let Some(text) = &request.text {
            p { "The statement, with what is sensitive masked:" }
            pre { code { (text) } }
        }
        @match view.may_decide {
            Ok(()) => {
                p { "Decide on your computer, where your own key signs what you see:" }
                pre { code { "custos approve " (request.id) "\ncustos deny " (request.id) } }
            }
            Err("unjustified") => {
                p { "Nobody can approve it before it is said why:" }
                pre { code { "custos request reason " (request.id) " TEXT" } }
            }
            Err(_) => p { "You cannot decide on it." }
        }
    }
}
