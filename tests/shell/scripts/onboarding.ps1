# SPDX-License-Identifier: MIT
# A new host is set up from a template: idempotent steps with Test/Set, nested functions, -WhatIf through the layers.
[CmdletBinding(SupportsShouldProcess)]
param([string]$Base = (Join-Path $PWD 'host'))
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$template = [ordered]@{
    Folders = 'etc', 'srv/app', 'var/log'
    Files   = @{
        'etc/app.conf' = "name = {{Name}}`nport = {{Port}}`n"
        'etc/motd'     = 'Welcome to {{Name}}. Kept by {{Owner}}.'
    }
    Users   = @(@{ Name = 'app'; Shell = '/bin/false' }, @{ Name = 'deploy' })
}
$values = @{ Name = 'web7'; Port = 8080; Owner = 'operations' }
$script:changes = [System.Collections.Generic.List[string]]::new()

function Invoke-Ensure {
    [CmdletBinding(SupportsShouldProcess)]
    param(
        [Parameter(Mandatory)][string]$Target,
        [Parameter(Mandatory)][scriptblock]$Test,
        [Parameter(Mandatory)][scriptblock]$Set,
        [string]$Action = 'Set up'
    )
    if (& $Test) { Write-Verbose "$Target is as it should be"; return }
    if ($PSCmdlet.ShouldProcess($Target, $Action)) {
        & $Set
        $script:changes.Add($Target)
        if (-not (& $Test)) { throw "$Target could not be set up" }
    }
}
function Expand-Template([string]$Text, [hashtable]$Values) {
    [regex]::Replace($Text, '\{\{(\w+)\}\}', {
            param($match)
            $key = $match.Groups[1].Value
            if (-not $Values.ContainsKey($key)) { throw "no value for '$key'" }
            $Values[$key]
        })
}
function Initialize-Host {
    [CmdletBinding(SupportsShouldProcess)]
    param([System.Collections.IDictionary]$Template, [hashtable]$Values)
    foreach ($folder in $Template.Folders) {
        $path = Join-Path $Base $folder
        Invoke-Ensure "folder $folder" { Test-Path $path -PathType Container } { $null = New-Item -ItemType Directory $path -Force } -Action 'Create'
    }
    foreach ($name in $Template.Files.Keys | Sort-Object) {
        $path = Join-Path $Base $name
        $wanted = Expand-Template $Template.Files[$name] $Values
        Invoke-Ensure "file $name" { (Test-Path $path) -and (Get-Content $path -Raw) -ceq $wanted } { Set-Content $path $wanted -NoNewline }
    }
    $users = Join-Path $Base 'etc/passwd'
    foreach ($user in $Template.Users) {
        $shell = if ($user.ContainsKey('Shell')) { $user.Shell } else { '/bin/sh' }
        $line = "$($user.Name):x:::$shell"
        Invoke-Ensure "user $($user.Name)" { (Test-Path $users) -and $line -in @(Get-Content $users) } { Add-Content $users $line }
    }
}
'--- what would change'
Initialize-Host $template $values -WhatIf
"changes so far: $($changes.Count)"
'--- first run'
Initialize-Host $template $values
$changes
'--- second run'
$changes.Clear()
$said = Initialize-Host $template $values -Verbose 4>&1
"changes: $($changes.Count), verbose: $($said.Count), first: $($said[0])"
'--- drift'
Add-Content (Join-Path $Base 'etc/motd') 'defaced'
Initialize-Host $template $values
"repaired: $($changes -join ', ')"
Get-Content (Join-Path $Base 'etc/app.conf'), (Join-Path $Base 'etc/motd')
Get-Content (Join-Path $Base 'etc/passwd')
'--- failures'
$broken = @{ Folders = @(); Files = @{ 'etc/x' = '{{Missing}}' }; Users = @() }
try { Initialize-Host $broken $values } catch { $_.Exception.Message -replace '^.*"(no value[^"]*)".*$', '$1' }
try { Invoke-Ensure 'never' { $false } { 'tried' } } catch { "$_" }
(Get-ChildItem $Base -Recurse -File | Sort-Object FullName).FullName.Substring($Base.Length)
