/* SPDX-License-Identifier: MIT
 *
 * Commands of PowerShell that this shell will never have: each says why, and what to use instead, in one sentence.
 */
#include "shell/cmdlet.h"

static int never_begin(struct sh_cmd *c)
{
        const char *name = sh_cmdlet_of(c)->name;
        return sh_cmd_throw(c, "NotSupportedHere", "NotImplemented", SH_NIL, "%s is not supported here: %s",
                            name, sh_cmdlet_of(c)->description);
}
#define NEVER(symbol, cmdlet, why, ...) \
        static const struct sh_cmdlet symbol = { \
                .name = cmdlet, \
                .synopsis = "Not supported here.", \
                .description = why, \
                .begin = never_begin, \
                .params = (const struct sh_param[]) { { "Argument", .type = "object[]", .position = 1, \
                                                        .remaining = true, .allow_null = true }, \
                                                      { 0 } }, \
                __VA_ARGS__ \
        }
NEVER(add_type, "Add-Type", "there is no .NET runtime to compile for.");
NEVER(get_wmiobject, "Get-WmiObject", "use Get-CimInstance.");
NEVER(set_executionpolicy, "Set-ExecutionPolicy", "there is no execution policy; roles say who may do what.");
NEVER(get_executionpolicy, "Get-ExecutionPolicy", "there is no execution policy; roles say who may do what.");
NEVER(new_service_proxy, "New-WebServiceProxy", "SOAP is not spoken.");
NEVER(set_psdebug, "Set-PSDebug", "there is no script debugger.");
NEVER(set_psbreakpoint, "Set-PSBreakpoint", "there is no script debugger.");
NEVER(out_gridview, "Out-GridView", "there is no window to show it in.",
      .alias = (const char *[]) { "ogv", NULL });
NEVER(enable_remoting, "Enable-PSRemoting", "the agent's own SSH port is always there.");
NEVER(get_signature, "Get-AuthenticodeSignature", "Authenticode does not exist here.");
NEVER(set_keys, "Set-PSReadLineKeyHandler",
      "the line editor has Emacs keys; they are not changed by scripts.");
NEVER(get_eventlog, "Get-EventLog", "use Get-WinEvent.");
NEVER(get_clipboard, "Get-Clipboard", "a host without a screen has no clipboard.");
NEVER(set_clipboard, "Set-Clipboard", "a host without a screen has no clipboard.");
NEVER(update_help, "Update-Help", "help is built in and always fits the version.");
NEVER(save_help, "Save-Help", "help is built in and always fits the version.");
NEVER(get_acl, "Get-Acl", "use Get-Item, which shows mode, user and group, or getfacl.");
NEVER(set_acl, "Set-Acl", "use chmod, chown or setfacl.");
NEVER(unblock_file, "Unblock-File", "files are not marked by where they came from.");
NEVER(send_mail, "Send-MailMessage", "use a mail program of the host.");
NEVER(out_printer, "Out-Printer", "use lp.");
NEVER(find_module, "Find-Module", "there is no gallery; put modules into a folder of $env:PSModulePath.");
NEVER(install_module, "Install-Module",
      "there is no gallery; put modules into a folder of $env:PSModulePath.");
NEVER(trace_command, "Trace-Command", "there is no tracer.");
NEVER(get_runspace, "Get-Runspace", "use Get-Job.");
NEVER(wait_debugger, "Wait-Debugger", "there is no script debugger.");
NEVER(get_breakpoint, "Get-PSBreakpoint", "there is no script debugger.");

SH_CMDLETS(never, &add_type, &get_wmiobject, &set_executionpolicy, &get_executionpolicy, &new_service_proxy,
           &set_psdebug, &set_psbreakpoint, &out_gridview, &enable_remoting, &get_signature, &set_keys,
           &get_eventlog, &get_clipboard, &set_clipboard, &update_help, &save_help, &get_acl, &set_acl,
           &unblock_file, &send_mail, &out_printer, &find_module, &install_module, &trace_command,
 &get_runspace, &wait_debugger, &get_breakpoint);
