"""Users and roles from Airflow's FAB provider, where approvers are named by user name instead of by number."""

from __future__ import annotations

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.auth_manager.models import User


class NamedApproversAuthManager(FabAuthManager):
    """FAB's auth manager for the ``approvers`` of a `pipeline.yaml`.

    FAB's user id is a row number in its database, which differs from one deployment to the next and which nobody
    would write into a pipeline.yaml. User names are unique in FAB.
    """

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: User) -> bool:
        """May ``user`` answer a required action that is assigned to these user names?"""
        return user.username in assigned_users
