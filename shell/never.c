/* SPDX-License-Identifier: MIT
 *
 * What of .NET will never be here, by the beginning of its name, and what to use instead.
 */
#include "shell/types.h"

#include <string.h>
#include <strings.h>

static const struct {
        const char *prefix, *instead;
} never[] = {
        { "Reflection.", "there are no assemblies to look into" },
        { "AppDomain", "there are no assemblies to look into" },
        { "Windows.", "there are no windows on this host" },
        { "Drawing.", "there are no windows on this host" },
        { "Microsoft.Win32.", "there is no registry" },
        { "Microsoft.VisualBasic.", "there is no .NET runtime" },
        { "Management.Automation.PowerShell", "use Start-ThreadJob or ForEach-Object -Parallel" },
        { "Management.Automation.Runspaces.", "use Start-ThreadJob or ForEach-Object -Parallel" },
        { "Management.Automation.Language.", "the parser's tree is not open to scripts" },
        { "Management.Management", "use Get-CimInstance" },
        { "powershell", "use Start-ThreadJob or ForEach-Object -Parallel" },
        { "runspacefactory", "use Start-ThreadJob or ForEach-Object -Parallel" },
        { "initialsessionstate", "use Start-ThreadJob or ForEach-Object -Parallel" },
        { "wmi", "use Get-CimInstance" },
        { "adsi", "there is no directory service client" },
        { "DirectoryServices.", "there is no directory service client" },
        { "ServiceProcess.", "use Get-Service" },
        { "Diagnostics.Process", "use Start-Process and Get-Process" },
        { "Diagnostics.EventLog", "use Get-WinEvent" },
        { "Net.WebClient", "use Invoke-WebRequest" },
        { "Net.WebRequest", "use Invoke-WebRequest" },
        { "Net.HttpWebRequest", "use Invoke-WebRequest" },
        { "Net.Http.", "use Invoke-WebRequest or Invoke-RestMethod" },
        { "Net.Sockets.", "use Test-Connection -TcpPort" },
        { "Net.NetworkInformation.Ping", "use Test-Connection" },
        { "Net.Mail.Smtp", "use a mail program of the host" },
        { "Data.", "there is no database client" },
        { "IO.Compression.", "use Compress-Archive and Expand-Archive" },
        { "Runtime.InteropServices.", "there is no .NET runtime to call into" },
        { "Security.Cryptography.X509Certificates.", "use openssl" },
        { "Security.Principal.", "use id, or Get-LocalUser" },
        { "Threading.", "use Start-ThreadJob or ForEach-Object -Parallel" },
        { "Timers.", "use Start-Sleep in a loop, or a job" },
        { "Linq.", "use the pipeline: Where-Object, Select-Object, Measure-Object" },
};

const char *sh_type_never(const char *name, size_t n)
{
        if (n > 7 && !strncasecmp(name, "System.", 7))
                name += 7, n -= 7;
        for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++) {
                size_t k = strlen(never[i].prefix);
                if (n >= k && !strncasecmp(name, never[i].prefix, k))
                        return never[i].instead;
        }
        return NULL;
}
