"""What goes wrong, as sentences for the person who must act; HTTP and exit codes are one table."""

from typing import ClassVar, Self

from foundation.errors import N_, FoundationError, NoSuchFigure, NoSuchSpace
from gis.errors import GisError
from layers.errors import LayersError, NoSuchArea, NoSuchLayer, NoSuchSavedAsk, SavedAskInUse, TooManySaved
from layers.field_errors import Conflict, NotThere
from layers.risk_errors import NoSuchIndicator, NoSuchRiskModel


class AppError(Exception):
    """A text to translate and its parameters; as a string, the English sentence."""

    text: ClassVar[str] = N_("This could not be done.")

    def __init__(self, **parameters: object) -> None:
        super().__init__()
        self.parameters = parameters

    def __str__(self) -> str:
        return self.text.format(**self.parameters)


class WrongSetting(AppError):
    """A variable of the environment cannot be used."""

    text = N_("{variable} is {value}, but must be {expected}.")


class LonelySetting(WrongSetting):
    """One of two variables that belong together is missing."""

    text = N_("{variable} must be set when {other} is set, or neither.")


class DatabaseUnavailable(AppError):
    """The database cannot be started or reached."""

    text = N_("The database cannot be reached: {reason}.")


class PostgresMissing(DatabaseUnavailable):
    """No PostgreSQL with PostGIS is installed."""

    text = N_(
        "PostgreSQL with PostGIS is not installed: run script/bootstrap, "
        "or set SPREMNOST_DATABASE_URL and SPREMNOST_ADMIN_DATABASE_URL."
    )


class PostgresVersionMissing(DatabaseUnavailable):
    """The data folder was made by a PostgreSQL that is gone."""

    text = N_(
        "The database in {folder} was made by PostgreSQL {version}, which is not installed: "
        "install postgresql-{version}-postgis-3."
    )


class PostgresFailed(DatabaseUnavailable):
    """One of PostgreSQL's own programs failed."""

    text = N_("The database in {folder} cannot be used, {program} says: {reason}.")


class ForeignFolder(DatabaseUnavailable):
    """The data folder belongs to somebody else."""

    text = N_(
        "The database folder {folder} belongs to user {owner}, not to {user}: "
        "start Spremnost as it was started before, or move the folder away."
    )


class FolderNotMade(DatabaseUnavailable):
    """The data folder cannot be made."""

    text = N_("The database folder {folder} cannot be made: {reason}.")


class SystemUserNotMade(DatabaseUnavailable):
    """Root needs a user to run the database and cannot make one."""

    text = N_("The system user {user} cannot be made: {reason}.")


class NotEmbedded(AppError):
    """A command for the embedded database was given while another one is set."""

    text = N_("SPREMNOST_DATABASE_URL names a database of its own, which this command does not run.")


class DatabaseNotEmpty(AppError):
    """The demonstration would mix with somebody's layers."""

    text = N_("The database holds layers already; the demonstration is for an empty one.")


class CannotServe(AppError):
    """The web server or the worker cannot run."""

    text = N_("The {name} has stopped five times in a row (exit code {code}); its messages are above.")


class PortTaken(CannotServe):
    """Another program listens there."""

    text = N_("Port {port} on {host} cannot be used: {reason}. Stop what uses it or set {variable}.")


class ProgramMissing(DatabaseUnavailable):
    """One of PostgreSQL's programs is not installed in a version that fits the server."""

    text = N_("{program} of PostgreSQL {version} or newer is needed: install postgresql-client-{version}.")


class BackupError(AppError):
    """A backup cannot be made or used."""


class BackupExists(BackupError):
    """Nothing is overwritten."""

    text = N_("{file} exists already: a backup overwrites nothing. Choose another name, or move that file away.")


class BackupNotWritten(BackupError):
    """The disk is full, the folder is not there, a program failed."""

    text = N_("The backup {file} could not be written: {reason}. Nothing is left of it.")


class OwnerSeesNotAll(BackupError):
    """The owning role is bound by the policies, so that its dump would lack rows."""

    text = N_(
        "The role in SPREMNOST_ADMIN_DATABASE_URL is bound by row-level security, so that its backup would lack rows: "
        "a superuser gives it what it needs with ALTER ROLE {role} BYPASSRLS."
    )


class NoBackup(BackupError):
    """The file is no backup, or not a whole one."""

    text = N_("{file} is not a whole backup: {reason}. Nothing was changed.")


class BackupNewer(BackupError):
    """The program is older than the backup."""

    text = N_(
        "{file} was made by a newer version of the program (revision {revision}): install that version first. "
        "Nothing was changed."
    )


class ServerOlder(BackupError):
    """PostgreSQL reads no dump of a newer one."""

    text = N_("{file} comes from PostgreSQL {theirs}, this database is PostgreSQL {ours}. Nothing was changed.")


class NoRoom(BackupError):
    """The disk is too full to unpack it."""

    text = N_("{folder} has {free} MB free, the backup needs {needed} MB. Nothing was changed.")


class TargetNotEmpty(BackupError):
    """There is something that would be lost."""

    text = N_(
        "The database is in use already. To put the backup in its place, give --replace: what is there now is backed "
        "up before. Nothing was changed."
    )


class TargetInUse(BackupError):
    """Someone works with what would be replaced."""

    text = N_("Spremnost is running on this database ({connections} connections): stop it first. Nothing was changed.")


class NotRestored(BackupError):
    """PostgreSQL refused; its transaction is undone."""

    text = N_("The backup could not be put in place: {reason}. The database is as it was.")


class NotSignedIn(AppError):
    """Nobody is signed in, or the session has ended."""

    text = N_("Sign in first: you are not signed in, or your session has ended.")


class NotAllowed(AppError):
    """The page is for other people."""

    text = N_("You may not do this for the organisation that you act for. Switch it, or ask an administrator.")


class ActingChanged(NotAllowed):
    """Somebody has switched to another organisation since the form was opened."""

    text = N_(
        "You now act for {name}, but opened this form for another organisation. Nothing was changed: open it again."
    )


class WrongCredentials(AppError):
    """No account has that address and password; which of them is wrong is not told."""

    text = N_("E-mail address and password do not belong together, or the account is closed.")


class WrongCode(WrongCredentials):
    """The second factor's code is not the one of now, or was used."""

    text = N_("The code is not right, or was used already. Take the newest one.")
    field: ClassVar[str] = "code"


class TooManyTries(AppError):
    """Somebody guesses."""

    text = N_("Too many tries. Wait {minutes} minutes, then try again.")


class TooManyRequests(AppError):
    """An address asks more often than people do."""

    text = N_("Too many requests from your address. Wait a minute, then try again.")


class ForeignForm(AppError):
    """Another site's page sent a form."""

    text = N_("This form did not come from one of our own pages; open the page here and send it again.")


class DraftTooLarge(AppError):
    """What is typed is longer than is kept."""

    text = N_("This is too much to be kept as a draft; send the form before you close the page.")


class WrongInput(AppError):
    """What was typed cannot be used; `field` is where."""

    field: ClassVar[str] = ""

    def at(self, field: str) -> Self:
        """The same, beside another field."""
        self.__dict__["field"] = field
        return self


class NameMissing(WrongInput):
    """A person needs a name."""

    text = N_("Enter first and last name.")
    field = "name"


class OrganisationNameMissing(WrongInput):
    """An organisation needs a name."""

    text = N_("Enter the organisation's name.")
    field = "name"


class OrganisationNameTaken(WrongInput):
    """Two of one name could not be told apart."""

    text = N_("There is an organisation called {name} already. Change that one, or choose another name.")
    field = "name"


class AreaUnknown(WrongInput):
    """The code is none of that level."""

    text = N_("There is no area with the code {code} at that level. Take a code from the list.")
    field = "code"


class OwnOrganisation(WrongInput):
    """Whoever closes their own organisation has locked themselves out."""

    text = N_("You act for this organisation now. Switch to another one, then close it.")


class FigureNumberWrong(WrongInput):
    """What was typed is no number that a figure can have."""

    text = N_("Enter a number of at least 0, such as 12.5.")
    field = "value"


class FigureUpperWrong(WrongInput):
    """A range has two ends, anything else one."""

    text = N_("A range needs an upper value above its value; every other figure has none.")
    field = "upper"


class FigureRateWrong(WrongInput):
    """A rate is a share."""

    text = N_("A displacement rate is a share of the people: enter a number from 0 to 1.")
    field = "value"


class FigureDepthsWrong(WrongInput):
    """Depths bound a rate, the smaller first."""

    text = N_("Depths are for displacement rates only, and the second must be larger than the first.")
    field = "from_depth_m"


class FigureIncomplete(WrongInput):
    """Without it nobody knows what the figure is."""

    text = N_("Fill this in: a figure without it could not be explained.")


class WrongEmail(WrongInput):
    """That is no address of a mailbox."""

    text = N_("Enter an e-mail address such as name@example.org.")
    field = "email"


class EmailTaken(WrongInput):
    """Somebody active has that address."""

    text = N_("Somebody with the address {email} is in already: change that person's roles, or use another address.")
    field = "email"


class OrganisationMissing(WrongInput):
    """A role is played in an organisation."""

    text = N_("Choose an organisation.")
    field = "organisation"


class RoleMissing(WrongInput):
    """Somebody without a role can do nothing."""

    text = N_("Choose at least one role.")
    field = "role"


class ExerciseMissing(WrongInput):
    """A role of exercises needs to know which one."""

    text = N_("Choose the exercise in which this role is played.")
    field = "exercise"


class RoleHeld(WrongInput):
    """They have it already."""

    text = N_("The person has this role in this organisation already.")
    field = "role"


class LastAdministrator(AppError):
    """Nobody could look after the installation any more."""

    text = N_("This is the last administrator who can sign in. Make another one first.")


class PersonErased(AppError):
    """Somebody who was erased does not come back."""

    text = N_("This person was erased and cannot be changed. Invite them anew.")


class LinkGone(AppError):
    """A one-time link was used, has expired, or never was."""

    text = N_("This link was used already, or its time is over. Ask for a new one.")


class WrongPassword(WrongInput):
    """The present password, asked for before something is changed."""

    text = N_("That is not your present password.")
    field = "present"


class CodeNeeded(AppError):
    """A role asks for a second factor, and the person has none yet, or wants to do without."""

    text = N_("Your role needs a second factor: a code of your phone. Turn it on in your account.")


class OtherServerFailed(WrongCredentials):
    """The other server could not be asked, or what it said does not hold."""

    text = N_("Signing in by the other server did not work. Try again, or sign in with your password.")


class NotInvited(WrongCredentials):
    """Whoever the other server knows is not known here."""

    text = N_("Nobody with this verified address was invited here. Ask an administrator.")


class NotConfirmed(WrongInput):
    """What cannot be undone is confirmed by typing a name."""

    text = N_("Type the name {name} to confirm.")
    field = "confirm"


class NoScope(WrongInput):
    """A token that may do nothing."""

    text = N_("Choose what the token may do.")
    field = "scope"


class PasswordsDiffer(WrongInput):
    """Typed twice, two ways."""

    text = N_("The two passwords are not the same. Type the new one twice.")
    field = "again"


class WeakPassword(WrongInput):
    """A password that is guessed too soon."""

    text = N_("Use at least {fewest} characters, for example four words that have nothing to do with each other.")
    field = "password"


class PasswordTooLong(WeakPassword):
    """Hashing it would keep the machine busy."""

    text = N_("Use at most {most} characters.")


class CommonPassword(WeakPassword):
    """Whoever guesses tries these first."""

    text = N_("This password, or one like it, is on the list of the most common ones. Choose another one.")


class PasswordAboutYou(WeakPassword):
    """It follows from what others know."""

    text = N_("The password must not hold your name, your e-mail address or the name of this program.")


class NoSuchPage(AppError):
    """The address leads nowhere."""

    text = N_("There is nothing at this address.")


class NotALevel(AppError):
    """A level that is no number."""

    text = N_("{value} is no level: enter the gauge's centimetres as a number, such as 412.")


class NotACount(AppError):
    """A number of people that is none."""

    text = N_("{value} is no number of people: enter it in digits, such as 120.")


class NothingChosen(AppError):
    """A form for a file came without one."""

    text = N_("Choose a file first.")


class NoSuchHazard(NoSuchPage):
    """No exposure is stored for a hazard of that key."""

    text = N_("There is no hazard {hazard}; the list of hazards names those that there are.")


class WrongMethod(AppError):
    """The address is there, but not for this."""

    text = N_("This address does not answer such a request.")


class BadRequestBody(AppError):
    """What was sent cannot be read."""

    text = N_("What was sent cannot be read; look at the page again, or at the description of the interface.")


class TooLarge(AppError):
    """More was sent than is taken."""

    text = N_("This is more than can be taken at once.")


class KeyTooLong(AppError):
    """An Idempotency-Key of unusual length."""

    text = N_("The Idempotency-Key may have {most} characters at most.")


class NoSuchTile(NoSuchPage):
    """No layer version with tiles has that id, or it has no tile there."""

    text = N_("There is no such tile.")


class PapersBusy(AppError):
    """Too many PDF files are being made at once."""

    text = N_("Many PDF files are being made just now; try again in a minute.")


# The nearest class up the tree decides. Commands end with 2 where the request was wrong (4xx) and with 1 otherwise.
STATUS: dict[type[Exception], int] = {
    AppError: 500,
    WrongSetting: 400,
    NotEmbedded: 409,
    DatabaseNotEmpty: 409,
    BackupError: 409,
    BackupNotWritten: 500,
    NotRestored: 500,
    NoBackup: 422,
    DatabaseUnavailable: 503,
    NotSignedIn: 401,
    NotAllowed: 403,
    WrongCredentials: 422,
    TooManyTries: 429,
    TooManyRequests: 429,
    DraftTooLarge: 413,
    NotALevel: 422,
    NotACount: 422,
    NothingChosen: 422,
    WrongMethod: 405,
    BadRequestBody: 400,
    TooLarge: 413,
    KeyTooLong: 400,
    ForeignForm: 403,
    WrongInput: 422,
    CodeNeeded: 403,
    LastAdministrator: 409,
    PersonErased: 409,
    LinkGone: 410,
    NoSuchPage: 404,
    PapersBusy: 503,
    FoundationError: 409,
    NoSuchSpace: 404,
    NoSuchFigure: 404,
    GisError: 422,
    LayersError: 422,
    NoSuchRiskModel: 404,
    NoSuchIndicator: 404,
    NoSuchLayer: 404,
    NoSuchArea: 404,
    NoSuchSavedAsk: 404,
    TooManySaved: 409,
    SavedAskInUse: 409,
    NotThere: 404,
    Conflict: 409,
}
KNOWN_ERRORS = tuple(kind for kind in STATUS if not any(base in STATUS for base in kind.__mro__[1:]))


def status_of(error: Exception) -> int:
    """The HTTP status of an error of one of our packages."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def exit_code_of(error: Exception) -> int:
    """The exit code of a command that ended with an error of one of our packages."""
    return 2 if status_of(error) < 500 else 1
