{* What oidc.php says when it cannot lead on: who has signed out, and who is not let in. *}
<table class="centered-table">
  <tr><td><div class="page-hint" id="oidc-message" role="status">{$oidc_message|escape}</div></td></tr>
  <tr><td><a id="oidc-start" href="{$oidc_link|escape}">{$oidc_start|escape}</a></td></tr>
</table>
