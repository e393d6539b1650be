# rotate-agent.ps1 ACTION
# What keyroll does on a Windows agent of an AKS Engine cluster, over SSH as the cluster's Windows administrator.
# Windows PowerShell 5.1. What is secret comes on standard input, as one JSON text in ASCII, and never on a command line.
# Answers with one line of JSON; an error is one line on standard error and exit code 1.
#   Inspect   what is there: CA, the kubeconfig's certificate, the kubelet's service and its client certificate
#   Begin     {rotation, ca, certificate, key}: new CA and kubeconfig, and a task that resets the node and goes on
#             without the connection that asked for it
#   Work      the task's own call
#   Result    {rotation}: how far the task is
#   End       {rotation}: the task and its files go; the backup stays
param(
    [Parameter(Mandatory = $true, Position = 0)]
    [ValidateSet('Inspect', 'Begin', 'Work', 'Result', 'End')]
    [string]$Action
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$KubeDir = 'c:\k'
$LogFile = Join-Path $KubeDir 'rotate-certs.log'
$CaFile = Join-Path $KubeDir 'ca.crt'
$ConfigFile = Join-Path $KubeDir 'config'
$ResetScript = Join-Path $KubeDir 'windowsnodereset.ps1'
# Only for the time of one rotation.
$WorkDir = Join-Path $KubeDir 'keyroll'
$TaskName = 'keyroll-rotate-agent'
# The kubelet keeps its client certificate in one of these.
$PkiDirs = @((Join-Path $KubeDir 'pki'), 'c:\var\lib\kubelet\pki')
$ResetTries = 3
$ClientCertificateSeconds = 300

function Write-Log([string]$Text) {
    $line = '{0} {1}' -f (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss.fffZ'), $Text
    Add-Content -Path $LogFile -Value $line -Encoding Ascii
}

function Read-Settings {
    $text = [Console]::In.ReadToEnd()
    return ($text | ConvertFrom-Json)
}

function Write-Answer($Value) {
    [Console]::Out.WriteLine(($Value | ConvertTo-Json -Compress -Depth 4))
}

# Only the system and administrators may look into a folder that holds keys.
function New-PrivateFolder([string]$Path) {
    if (-not (Test-Path $Path)) { New-Item -ItemType Directory -Path $Path | Out-Null }
    & icacls.exe $Path /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' /Q | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "$Path`: icacls ended with $LASTEXITCODE; expected 0" }
}

# The old content stays or the new one is there whole. ASCII without a byte order mark. File.Replace keeps the access rules
# of the file that is replaced; until then the text lies in a folder that only administrators can read.
function Set-WholeFile([string]$Path, [string]$Text) {
    $temporary = Join-Path $WorkDir ((Split-Path $Path -Leaf) + '.new')
    [IO.File]::WriteAllText($temporary, $Text, [Text.Encoding]::ASCII)
    # $null would reach .NET as an empty text.
    if (Test-Path $Path) { [IO.File]::Replace($temporary, $Path, [NullString]::Value) }
    else { [IO.File]::Move($temporary, $Path) }
}

function ConvertTo-Base64([string]$Text) {
    return [Convert]::ToBase64String([Text.Encoding]::ASCII.GetBytes($Text))
}

# The value of one field in the kubeconfig, which has each of these once.
function Get-ConfigField([string]$Config, [string]$Field) {
    $found = [regex]::Matches($Config, "(?m)$Field`"?:\s*`"?([A-Za-z0-9+/=]+)")
    if ($found.Count -ne 1) { throw "$ConfigFile`: found $($found.Count) times $Field; expected it once" }
    return $found[0].Groups[1].Value
}

function Set-ConfigField([string]$Config, [string]$Field, [string]$Value) {
    return $Config.Replace((Get-ConfigField $Config $Field), $Value)
}

function Get-NewConfig([string]$Config, $Settings) {
    $Config = Set-ConfigField $Config 'certificate-authority-data' (ConvertTo-Base64 $Settings.ca)
    $Config = Set-ConfigField $Config 'client-certificate-data' (ConvertTo-Base64 $Settings.certificate)
    return Set-ConfigField $Config 'client-key-data' (ConvertTo-Base64 $Settings.key)
}

function Get-KubeletClientFiles {
    return @($PkiDirs | Where-Object { Test-Path $_ } |
        ForEach-Object { Get-ChildItem -Path $_ -Filter 'kubelet-client-*.pem' })
}

# The certificate alone: the file has the key behind it.
function Get-KubeletClientCertificate {
    $newest = Get-KubeletClientFiles | Sort-Object LastWriteTimeUtc | Select-Object -Last 1
    if ($null -eq $newest) { return '' }
    $text = [IO.File]::ReadAllText($newest.FullName)
    $found = [regex]::Match($text, '-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----')
    return $found.Value
}

function Get-KubeletStatus {
    $service = Get-Service -Name kubelet -ErrorAction SilentlyContinue
    if ($null -eq $service) { return 'Missing' }
    return $service.Status.ToString()
}

function Invoke-Inspect {
    $config = [IO.File]::ReadAllText($ConfigFile)
    $certificate = [Convert]::FromBase64String((Get-ConfigField $config 'client-certificate-data'))
    Write-Answer @{
        ca                = [IO.File]::ReadAllText($CaFile)
        configCa          = [Text.Encoding]::ASCII.GetString([Convert]::FromBase64String((Get-ConfigField $config 'certificate-authority-data')))
        configCertificate = [Text.Encoding]::ASCII.GetString($certificate)
        kubeletClient     = (Get-KubeletClientCertificate)
        kubelet           = (Get-KubeletStatus)
        resetScript       = (Test-Path $ResetScript)
    }
}

function Get-BackupDir([string]$Rotation) {
    if ($Rotation -notmatch '^[0-9a-z-]+$') { throw "rotation: found a name that is none" }
    return Join-Path $KubeDir "keyroll-backup\$Rotation"
}

function Backup-Once([string]$Path, [string]$Folder) {
    $copy = Join-Path $Folder (Split-Path $Path -Leaf)
    if ((Test-Path $Path) -and -not (Test-Path $copy)) { Copy-Item -Path $Path -Destination $copy }
}

function Invoke-Begin {
    $settings = Read-Settings
    $task = Get-ScheduledTask -TaskName $TaskName -ErrorAction SilentlyContinue
    if ($null -ne $task -and "$($task.State)" -eq 'Running') { Write-Answer @{ state = 'running' }; return }
    if (-not (Test-Path $ResetScript)) { throw "$ResetScript is missing; expected it on a node that AKS Engine made" }
    $backup = Get-BackupDir $settings.rotation
    New-PrivateFolder $backup
    New-PrivateFolder $WorkDir
    Backup-Once $CaFile $backup
    Backup-Once $ConfigFile $backup
    $config = [IO.File]::ReadAllText($ConfigFile)
    $new = Get-NewConfig $config $settings
    Write-Log "rotation $($settings.rotation): new CA and kubeconfig"
    if ([IO.File]::ReadAllText($CaFile) -cne $settings.ca) { Set-WholeFile $CaFile $settings.ca }
    if ($config -cne $new) { Set-WholeFile $ConfigFile $new }
    Start-Work $settings.rotation
    Write-Answer @{ state = 'running' }
}

# As a task of the system the reset outlives the SSH session, which the reset of the node's network may end.
function Start-Work([string]$Rotation) {
    Copy-Item -Path $PSCommandPath -Destination (Join-Path $WorkDir 'rotate-agent.ps1') -Force
    Set-Content -Path (Join-Path $WorkDir 'rotation') -Value $Rotation -Encoding Ascii
    Remove-Item -Path (Join-Path $WorkDir 'result') -ErrorAction SilentlyContinue
    $script = Join-Path $WorkDir 'rotate-agent.ps1'
    $arguments = "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$script`" Work"
    $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument $arguments
    $principal = New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -LogonType ServiceAccount -RunLevel Highest
    Register-ScheduledTask -TaskName $TaskName -Action $action -Principal $principal -Force | Out-Null
    Start-ScheduledTask -TaskName $TaskName
}

function Set-Result([string]$Text) {
    Set-WholeFile (Join-Path $WorkDir 'result') $Text
}

function Invoke-Work {
    $rotation = (Get-Content -Path (Join-Path $WorkDir 'rotation') -TotalCount 1)
    try {
        Move-KubeletClientFiles (Get-BackupDir $rotation)
        Reset-Node
        Wait-ForClientCertificate
        Write-Log "rotation $rotation`: done"
        Set-Result 'done'
    }
    catch {
        Write-Log "rotation $rotation`: $($_.Exception.Message)"
        Set-Result "failed $($_.Exception.Message)"
        exit 1
    }
}

# Without them the kubelet asks for a new one with the kubeconfig's certificate when it starts.
function Move-KubeletClientFiles([string]$Backup) {
    foreach ($file in Get-KubeletClientFiles) {
        $copy = Join-Path $Backup $file.Name
        if (-not (Test-Path $copy) -and $null -eq $file.LinkType) { Copy-Item -Path $file.FullName -Destination $copy }
        Remove-Item -Path $file.FullName -Force
    }
}

# AKS Engine's own script stops kubelet and kube-proxy, cleans the node's networks and starts them again.
function Reset-Node {
    # With Stop the first line that a program writes to standard error would end everything.
    $ErrorActionPreference = 'Continue'
    for ($try = 1; $try -le $ResetTries; $try++) {
        Write-Log "$ResetScript, try $try"
        & powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File $ResetScript 2>&1 |
            ForEach-Object { Write-Log "  $_" }
        $code = $LASTEXITCODE
        if ($code -eq 0 -and (Wait-ForKubelet)) { return }
        Write-Log "ended with $code, kubelet is $(Get-KubeletStatus)"
    }
    throw "$ResetScript did not bring kubelet back in $ResetTries tries; see $LogFile"
}

function Wait-ForKubelet {
    for ($second = 0; $second -lt 60; $second++) {
        if ((Get-KubeletStatus) -eq 'Running') { return $true }
        Start-Sleep -Seconds 1
    }
    return $false
}

function Wait-ForClientCertificate {
    for ($second = 0; $second -lt $ClientCertificateSeconds; $second++) {
        if ((Get-KubeletClientCertificate) -ne '') { return }
        Start-Sleep -Seconds 1
    }
    throw "kubelet has no new client certificate after $ClientCertificateSeconds s; see its log, and whether the node reaches the API"
}

function Invoke-Result {
    $settings = Read-Settings
    $rotationFile = Join-Path $WorkDir 'rotation'
    if (-not (Test-Path $rotationFile)) { Write-Answer @{ state = 'absent'; message = '' }; return }
    $rotation = (Get-Content -Path $rotationFile -TotalCount 1)
    if ($rotation -ne $settings.rotation) { Write-Answer @{ state = 'absent'; message = '' }; return }
    # The task first: should it end between two looks, its result is there at the second.
    $task = Get-ScheduledTask -TaskName $TaskName -ErrorAction SilentlyContinue
    $file = Join-Path $WorkDir 'result'
    if (Test-Path $file) {
        $state, $message = [IO.File]::ReadAllText($file).Split(' ', 2)
        Write-Answer @{ state = $state; message = "$message" }
    }
    elseif ($null -ne $task -and @('Running', 'Queued') -contains "$($task.State)") {
        Write-Answer @{ state = 'running'; message = '' }
    }
    # Cut off, perhaps by a restart of the machine: Begin starts it again.
    else { Write-Answer @{ state = 'stopped'; message = '' } }
}

function Invoke-End {
    [void](Read-Settings)
    if ($null -ne (Get-ScheduledTask -TaskName $TaskName -ErrorAction SilentlyContinue)) {
        Unregister-ScheduledTask -TaskName $TaskName -Confirm:$false
    }
    if (Test-Path $WorkDir) { Remove-Item -Path $WorkDir -Recurse -Force }
    Write-Answer @{ state = 'ended' }
}

try {
    switch ($Action) {
        'Inspect' { Invoke-Inspect }
        'Begin' { Invoke-Begin }
        'Work' { Invoke-Work }
        'Result' { Invoke-Result }
        'End' { Invoke-End }
    }
}
catch {
    [Console]::Error.WriteLine("$Action`: $($_.Exception.Message)")
    exit 1
}
