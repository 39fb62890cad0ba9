"""Desired against observed → plan → rollout; providers only report and make one change at a time."""

from rtdeploy.deploy.change import Record, changing
from rtdeploy.deploy.desired import desired_of, features_used, refuse_unsupported, require_feature
from rtdeploy.deploy.history import Entry, History, Outcome, previous_digest
from rtdeploy.deploy.lock import locked
from rtdeploy.deploy.plan import About, Action, Change, Plan, make_plan
from rtdeploy.deploy.progress import Progress, Silent
from rtdeploy.deploy.registry import connect, provider_names
from rtdeploy.deploy.rollout import Judge, Judgement, rollout
from rtdeploy.deploy.smoke import Reply, send
from rtdeploy.deploy.sweep import Swept, destroy, gc, sweep_store
from rtdeploy.deploy.traffic import promote, rollback, split
from rtdeploy.deploy.waiting import Pace

__all__ = [
    "About",
    "Action",
    "Change",
    "Entry",
    "History",
    "Judge",
    "Judgement",
    "Outcome",
    "Pace",
    "Plan",
    "Progress",
    "Record",
    "Reply",
    "Silent",
    "Swept",
    "changing",
    "connect",
    "desired_of",
    "destroy",
    "features_used",
    "gc",
    "locked",
    "make_plan",
    "previous_digest",
    "promote",
    "provider_names",
    "refuse_unsupported",
    "require_feature",
    "rollback",
    "rollout",
    "send",
    "split",
    "sweep_store",
]
