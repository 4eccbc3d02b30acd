//! From the words of version 0.1 to the domain's: manifests, decisions, and failures.

use super::bindings::hookbox::rule::failure::Failure;
use super::bindings::hookbox::rule::{action, manifest as v0_1};
use crate::domain::decision::{
    Action, Argument, Decision, Deploy, Field, Notification, Once, Report, ReportWhen, Severity,
};
use crate::domain::fault::{FailureKind, Fault};
use crate::domain::manifest::{Manifest, Setting, SettingKind};

pub(in crate::engine) fn manifest(manifest: v0_1::Manifest) -> Manifest {
    Manifest {
        name: manifest.name,
        version: manifest.version,
        summary: manifest.summary,
        authors: manifest.authors,
        license: manifest.license,
        homepage: manifest.homepage,
        subjects: manifest.subjects,
        channels: manifest.channels,
        commands: manifest.commands,
        settings: manifest.settings.into_iter().map(setting).collect(),
    }
}

fn setting(setting: v0_1::Setting) -> Setting {
    Setting {
        name: setting.name,
        summary: setting.summary,
        kind: match setting.kind {
            v0_1::SettingKind::Text => SettingKind::Text,
            v0_1::SettingKind::Texts => SettingKind::Texts,
            v0_1::SettingKind::Integer => SettingKind::Integer,
            v0_1::SettingKind::Boolean => SettingKind::Boolean,
            v0_1::SettingKind::Channel => SettingKind::Channel,
            v0_1::SettingKind::Channels => SettingKind::Channels,
            v0_1::SettingKind::Command => SettingKind::Command,
            v0_1::SettingKind::Commands => SettingKind::Commands,
            v0_1::SettingKind::Json => SettingKind::Json,
        },
        required: setting.required,
        default: setting.default,
    }
}

pub(in crate::engine) fn decision(decision: action::Decision) -> Decision {
    Decision {
        actions: decision.actions.into_iter().map(one_action).collect(),
        reason: decision.reason,
    }
}

fn one_action(action: action::Action) -> Action {
    match action {
        action::Action::Notify(notification) => Action::Notify(self::notification(notification)),
        action::Action::Deploy(command) => Action::Deploy(deploy(command)),
        action::Action::Drop(reason) => Action::Drop(reason),
    }
}

fn notification(notification: action::Notification) -> Notification {
    Notification {
        channel: notification.channel,
        title: notification.title,
        text: notification.text,
        severity: notification.severity.map(|severity| match severity {
            action::Severity::Info => Severity::Info,
            action::Severity::Success => Severity::Success,
            action::Severity::Warning => Severity::Warning,
            action::Severity::Error => Severity::Error,
        }),
        color: notification.color,
        url: notification.url,
        fields: notification
            .fields
            .into_iter()
            .map(|field| Field {
                name: field.name,
                value: field.value,
                short: field.short,
            })
            .collect(),
        footer: notification.footer,
        mentions: notification.mentions,
        once: notification.once.map(|once| Once {
            key: once.key,
            seconds: once.seconds,
        }),
    }
}

fn deploy(command: action::Command) -> Deploy {
    Deploy {
        name: command.name,
        arguments: command
            .arguments
            .into_iter()
            .map(|argument| Argument {
                name: argument.name,
                value: argument.value,
            })
            .collect(),
        report: command.report.map(|report| Report {
            channel: report.channel,
            when: match report.when {
                action::ReportWhen::Always => ReportWhen::Always,
                action::ReportWhen::Failure => ReportWhen::Failure,
            },
        }),
    }
}

pub(in crate::engine) fn failure(failure: Failure) -> Fault {
    let (failure, message) = match failure {
        Failure::Settings(message) => (FailureKind::Settings, message),
        Failure::Event(message) => (FailureKind::Event, message),
        Failure::Other(message) => (FailureKind::Other, message),
    };
    Fault::Failed { failure, message }
}
